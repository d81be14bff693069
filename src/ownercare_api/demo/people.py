"""Fictitious people for the demonstration: names, birth dates, resident ID numbers and mobiles.

The same seed gives the same people on every Python from 3.11 on: only `random`, `randrange` and `choices` are
drawn, in a fixed order. Nobody real is meant, but a number may belong to someone: never call or text them.
"""

import random
from dataclasses import dataclass
from datetime import date
from itertools import accumulate

from ownercare_api.owners.documents import Sex, check_digit


def _words(text: str) -> list[str]:
    return text.split()


# County codes (GB/T 2260) of 48 areas where people were registered.
_REGIONS = _words(
    "110101 110102 110105 110106 110108 120101 120103 130102 140105 150102 210102 210202 220102 230103 310101 "
    "310104 310105 310110 310112 310115 320102 320106 320583 330102 330106 330203 340104 350102 350203 360102 "
    "370102 370202 410105 420102 420106 429004 430104 440104 440106 440304 441900 450103 500103 510104 520103 "
    "530102 610103 650102"
)

_MOBILE_PREFIXES = _words(
    "134 135 136 137 138 139 147 150 151 152 157 158 159 178 182 183 184 187 188 198 "
    "130 131 132 155 156 166 175 176 185 186 133 149 153 173 177 180 181 189 199"
)

# Surnames with people per 10,000 (in round figures), then some compound ones and some with readings of their own.
_SURNAME_TABLE = _words(
    "王715 李700 张680 刘510 陈450 杨308 黄219 赵206 周203 吴203 徐145 孙134 胡121 朱119 "
    "林117 高111 何109 郭108 马104 罗94 梁83 郑83 宋79 谢75 韩69 唐65 冯64 于58 "
    "董57 邓57 许54 肖53 程53 曹52 袁50 曾50 彭49 吕47 苏46 蒋46 蔡45 魏45 "
    "卢43 丁42 余42 沈41 叶41 潘40 贾39 杜38 傅38 钟38 汪38 田38 任38 姜38 "
    "夏36 谭36 范35 薛34 方34 石34 廖34 陆34 戴33 姚33 邹33 熊31 金31 白28 "
    "崔28 邱28 阎27 孔27 秦27 江27 郝26 史26 康25 毛25 顾25 侯25 孟25 万24 "
    "龙23 雷23 段22 钱22 邵22 汤21 尹21 黎21 易19 常19 武19 乔18 贺19 龚18 "
    "赖17 文17 翟10 覃10 纪8 华5 应4 解4 单3 查3 缪3 冼2 仇2 区2 "
    "盖2 朴2 乐2 欧阳8 上官3 司徒2 诸葛2 令狐1 皇甫1 尉迟1 东方1 慕容1 司马1"
)
_SURNAMES = [entry.rstrip("0123456789") for entry in _SURNAME_TABLE]
_SURNAME_WEIGHTS = list(
    accumulate(int(entry[len(name) :]) for entry, name in zip(_SURNAME_TABLE, _SURNAMES, strict=True))
)

# Decade of birth: share of owners in percent, given names of men, of women.
_DECADES: dict[int, tuple[int, list[str], list[str]]] = {
    1940: (
        3,
        _words("国栋 德明 福生 文彬 振华 宝山 永福 家瑞 世昌 树林 长贵 松年"),
        _words("秀英 桂兰 玉珍 淑贞 凤英 素珍 桂英 玉兰 秀兰 惠芳 月娥 淑芬"),
    ),
    1950: (
        8,
        _words("建国 国强 志明 建华 永康 卫国 援朝 和平 国平 金生 德胜 学文 保国 跃进"),
        _words("秀英 桂英 秀兰 玉兰 桂芳 玉梅 素芳 淑华 建英 兰英 凤兰 美珍 月英 慧珍"),
    ),
    1960: (
        17,
        _words("建军 志强 卫东 建平 国华 海生 立新 文斌 永红 向东 建民 学军 志勇 宏伟 爱民 新华"),
        _words("秀珍 红梅 爱华 玉华 丽华 卫红 建华 美华 桂芝 淑珍 晓红 彩霞 爱萍 秋菊 春梅 雪琴"),
    ),
    1970: (
        24,
        _words("勇 军 伟 强 斌 海涛 志刚 建峰 永刚 俊峰 晓东 文军 国庆 少华 振宇 立军 红兵 继东 庆丰 剑锋"),
        _words("丽 艳 敏 静 红霞 海燕 丽娟 晓燕 春霞 冬梅 秀丽 小红 雪梅 亚萍 翠萍 立红 文娟 玉洁 慧敏 桂花"),
    ),
    1980: (
        30,
        _words("磊 鹏 超 涛 杰 浩 亮 飞 俊杰 志伟 建波 海波 晓峰 宇航 文博 永超 一鸣 少鹏 凯 晨光 振东 伟杰 立群 嘉伟"),
        _words("静 婷 娜 丹 雪 莉 晶 倩 颖 玲玲 婷婷 丹丹 晓丽 佳 雅琴 海霞 梦 文静 思思 丽萍 莹莹 春燕 晓庆 艳丽"),
    ),
    1990: (
        16,
        _words("鑫 浩然 天宇 俊豪 嘉豪 子豪 文轩 志远 一帆 宇轩 博文 家俊 思远 泽宇 明轩 旭东 凯文 晨曦"),
        _words("雨婷 梦婷 欣怡 佳怡 雪莹 思雨 诗雨 雅婷 晓雯 梦瑶 静怡 嘉欣 慧玲 倩雯 紫薇 若曦 子怡 佳琪"),
    ),
    2000: (
        2,
        _words("子轩 浩宇 梓豪 宇航 子墨 皓轩 俊熙 奕辰 博涵 昊天 子涵 睿"),
        _words("梓涵 诗涵 欣妍 雨桐 子萱 可馨 语嫣 梦琪 思彤 佳慧 一诺 若彤"),
    ),
}
_DECADE_WEIGHTS = list(accumulate(share for share, _, _ in _DECADES.values()))
_LAST_BIRTH_YEAR = 2003

# One person in two hundred has a name of this form: own name, dot, father's name.
_DOTTED_MEN = _words("买买提 艾尔肯 吐尔逊 库尔班 阿不都拉 玉素甫 艾力 热合曼")
_DOTTED_WOMEN = _words("阿依古丽 古丽娜 帕提古丽 热依罕 阿依努尔 祖丽菲娅 米热古丽 迪丽娜")


@dataclass(frozen=True, slots=True)
class Person:
    """A fictitious person; the mobile has eleven digits and no country code."""

    name: str
    sex: Sex
    birth_date: date
    resident_id: str
    mobile: str


class PeopleFactory:
    """Makes people from a seed; no two of one factory share a resident ID number or a mobile."""

    def __init__(self, seed: int) -> None:
        self._rng = random.Random(seed)
        self._resident_ids: set[str] = set()
        self._mobiles: set[str] = set()

    def person(self, *, born: tuple[date, date] | None = None, sex: Sex | None = None) -> Person:
        """Return the next person: an owner by the shares of the decades, or born evenly in `[from, to)`."""
        rng = self._rng
        drawn: Sex = Sex.MALE if rng.random() < 0.52 else Sex.FEMALE
        sex = sex or drawn
        birth_date = _draw_birth_date(rng) if born is None else _draw_date(rng, born[0], born[1])
        name = _draw_name(rng, sex, birth_date.year)
        resident_id = _draw_resident_id(rng, sex, birth_date)
        while resident_id in self._resident_ids:
            resident_id = _draw_resident_id(rng, sex, birth_date)
        self._resident_ids.add(resident_id)
        return Person(name=name, sex=sex, birth_date=birth_date, resident_id=resident_id, mobile=self._draw_mobile())

    def people(self, count: int) -> list[Person]:
        """Return the next `count` owners."""
        return [self.person() for _ in range(count)]

    def _draw_mobile(self) -> str:
        while True:
            prefix = self._rng.choices(_MOBILE_PREFIXES)[0]
            mobile = f"{prefix}{self._rng.randrange(10**8):08d}"
            if mobile not in self._mobiles:
                self._mobiles.add(mobile)
                return mobile


def _draw_birth_date(rng: random.Random) -> date:
    decade = rng.choices(list(_DECADES), cum_weights=_DECADE_WEIGHTS)[0]
    return _draw_date(rng, date(decade, 1, 1), date(min(decade + 10, _LAST_BIRTH_YEAR + 1), 1, 1))


def _draw_date(rng: random.Random, start: date, end: date) -> date:
    return date.fromordinal(rng.randrange(start.toordinal(), end.toordinal()))


def _draw_name(rng: random.Random, sex: Sex, year: int) -> str:
    if rng.random() < 0.005:
        own = rng.choices(_DOTTED_MEN if sex == "male" else _DOTTED_WOMEN)[0]
        return f"{own}·{rng.choices(_DOTTED_MEN)[0]}"
    surname = rng.choices(_SURNAMES, cum_weights=_SURNAME_WEIGHTS)[0]
    _, men, women = _DECADES[min(max(year // 10 * 10, 1940), 2000)]
    return surname + rng.choices(men if sex == "male" else women)[0]


def _draw_resident_id(rng: random.Random, sex: Sex, birth_date: date) -> str:
    # Sequence 001 to 999: odd for men, even for women.
    sequence = 2 * rng.randrange(500) + 1 if sex == "male" else 2 * rng.randrange(1, 500)
    digits = f"{rng.choices(_REGIONS)[0]}{birth_date:%Y%m%d}{sequence:03d}"
    return digits + check_digit(digits)
