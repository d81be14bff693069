"""Names of people: the pinyin key they are ordered by, and their mask.

Importing this module loads the pinyin dictionaries (about 0.3 s and 60 MB): import it only where names are written.
"""

import re
import unicodedata

from pypinyin import Style, lazy_pinyin


def _readings(table: str) -> dict[str, str]:
    return dict(pair.split("=") for pair in table.split())


_COMPOUND_SURNAMES = _readings(
    "欧阳=ouyang 歐陽=ouyang 尉迟=yuchi 尉遲=yuchi 长孙=zhangsun 長孫=zhangsun 单于=chanyu 万俟=moqi 澹台=tantai "
    "令狐=linghu 皇甫=huangfu 宇文=yuwen 慕容=murong 司马=sima 司馬=sima 司徒=situ 司空=sikong 上官=shangguan "
    "诸葛=zhuge 諸葛=zhuge 夏侯=xiahou 东方=dongfang 東方=dongfang 公孙=gongsun 公孫=gongsun 独孤=dugu "
    "南宫=nangong 端木=duanmu 百里=baili 呼延=huyan 东郭=dongguo 西门=ximen 闻人=wenren 濮阳=puyang 淳于=chunyu "
    "太史=taishi 申屠=shentu 钟离=zhongli 鍾離=zhongli 轩辕=xuanyuan 鲜于=xianyu 闾丘=lvqiu 亓官=qiguan "
    "子车=ziju 颛孙=zhuansun 公羊=gongyang 公冶=gongye 赫连=helian 拓跋=tuoba 纳兰=nalan 第五=diwu 羊舌=yangshe "
    "微生=weisheng 漆雕=qidiao 壤驷=rangsi 巫马=wuma 完颜=wanyan 耶律=yelv 爱新觉罗=aixinjueluo 叶赫那拉=yehenala"
)

# Readings as a surname, where the character is read otherwise in words, or where an update must not change them.
_SURNAMES = _readings(
    "单=shan 單=shan 曾=zeng 仇=qiu 解=xie 区=ou 區=ou 查=zha 盖=ge 蓋=ge 朴=piao 冼=xian 洗=xian 任=ren 华=hua "
    "華=hua 纪=ji 紀=ji 应=ying 應=ying 黑=he 员=yun 員=yun 贠=yun 乐=yue 樂=yue 覃=qin 翟=zhai 缪=miao 繆=miao "
    "种=chong 折=she 繁=po 秘=bi 郇=xun 祭=zhai 适=kuo 乜=nie 能=nai 卜=bu 召=shao 阚=kan 闞=kan 佴=nai 粘=nian "
    "句=gou 都=du 藏=zang 么=yao 薄=bo 圈=juan 沉=shen 炅=gui 角=jue 镡=tan 尉=wei 宁=ning 燕=yan 令=ling 相=xiang "
    "车=che 石=shi 沈=shen 柏=bai 费=fei 贾=jia 褚=chu 长=zhang 过=guo 那=na 哈=ha 万=wan 俞=yu 谷=gu 殷=yin"
)

_DOTS = "·•・‧∙⋅"
_SPLIT = re.compile(rf"([{_DOTS}\s.\-]+)")
_APOSTROPHES = re.compile(r"['’‘`]")
# Letters that no decomposition turns into ASCII.
_LETTERS = str.maketrans({"ø": "o", "ł": "l", "đ": "d", "ð": "d", "þ": "th", "ß": "ss", "æ": "ae", "œ": "oe", "ı": "i"})


def name_sort_key(name: str) -> str:
    """Return a lower-case ASCII key that orders names as a Chinese reader expects.

    One syllable per word, a compound surname as one word: `zhang san feng`, `ouyang xiu`, `a yi gu li mai mai ti`.
    Tones are left out; order by (key, name) to keep namesakes of one reading together. ü is written v. A
    character without a reading sorts last, by its code point. The empty name has the empty key.
    """
    text = _clean(name)
    parts = [part for part in _SPLIT.split(text) if part and not _SPLIT.fullmatch(part)]
    words: list[str] = []
    if len(parts) == 1:
        surname, reading = _surname(text)
        if reading:
            words.append(reading)
            parts = [text[len(surname) :]]
    for part in parts:
        if part:
            words += lazy_pinyin(part, style=Style.NORMAL)
    return " ".join(filter(None, map(_spell, words)))


def mask_name(name: str) -> str:
    """Return a name for display: only the surname, or the first letter, is shown: `张**`, `欧阳*`, `阿***·***`.

    A name of a single character is hidden whole; the dots and spaces between parts stay.
    """
    text = _clean(name)
    if len(text) < 2:
        return "*" * len(text)
    shown = 1
    surname, _ = _surname(text)
    if len(surname) < len(text):
        shown = max(1, len(surname))
    hidden = (char if _SPLIT.fullmatch(char) else "*" for char in text[shown:])
    return text[:shown] + "".join(hidden)


def _surname(text: str) -> tuple[str, str]:
    """Return a Chinese surname and its reading; two empty texts for names of another form."""
    if _SPLIT.search(text):
        return "", ""
    for length in (4, 2):
        compound = _COMPOUND_SURNAMES.get(text[:length])
        if compound is not None:
            return text[:length], compound
    reading = _SURNAMES.get(text[:1])
    return (text[:1], reading) if reading is not None else ("", "")


def _clean(name: str) -> str:
    """One form for each name: full-width letters folded, nothing invisible, no spaces inside 王  芳."""
    words = " ".join(unicodedata.normalize("NFKC", name).split())
    text = "".join(char for char in words if not unicodedata.category(char).startswith("C")).strip()
    return re.sub(r"(?<=[^\x00-\u2fff]) (?=[^\x00-\u2fff])", "", text)


def _spell(text: str) -> str:
    """Return lower-case ASCII letters and digits; what can't be spelled becomes `~` and its code point."""
    lowered = _APOSTROPHES.sub("", text).lower().translate(_LETTERS)
    plain = (char for char in unicodedata.normalize("NFKD", lowered) if not unicodedata.combining(char))
    return "".join(char if char.isascii() else f"~{ord(char):06x}" for char in plain)
