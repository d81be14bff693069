"""Fictitious partner firms for the demonstration: contractors by trade, and property companies with their workers.

All firms are of Linlan (临澜), a city that does not exist; bank accounts begin with six zeros, which no bank issues.
"""

import random
from dataclasses import dataclass
from datetime import date
from typing import Literal

from ownercare_api.demo.people import PeopleFactory, Person
from ownercare_api.owners.documents import Sex

FirmKind = Literal["contractor", "property_company"]

FIRM_TRADES: dict[str, str] = {
    "waterproofing": "防水",
    "mechanical_electrical": "机电安装",
    "decoration": "装饰",
    "doors_windows_curtain_wall": "门窗幕墙",
    "general_contracting": "土建总承包",
    "hvac": "暖通",
}
"""The trades of contractors, with the field's word."""

WORKER_TRADES: dict[str, str] = {
    "waterproofer": "防水工",
    "plumber": "水暖工",
    "electrician": "电工",
    "mason": "泥瓦工",
    "carpenter": "木工",
    "painter": "油漆工",
    "window_fitter": "门窗工",
    "hvac_fitter": "空调工",
}
"""The trades (工种) of a property company's repair workers, with the field's word."""

_CONTRACTORS: dict[str, tuple[str, str]] = {
    "waterproofing": ("固盾防水", "临澜固盾防水工程有限公司"),
    "mechanical_electrical": ("恒驰机电", "临澜恒驰机电设备安装有限公司"),
    "decoration": ("筑雅装饰", "临澜筑雅建筑装饰工程有限公司"),
    "doors_windows_curtain_wall": ("明晟门窗幕墙", "临澜明晟门窗幕墙有限公司"),
    "general_contracting": ("磐石建设", "临澜磐石建设集团有限公司"),
    "hvac": ("和风暖通", "临澜和风暖通设备工程有限公司"),
}
_PROPERTY_COMPANIES = (("安庭物业", "临澜安庭物业服务有限公司"), ("和悦物业", "临澜和悦物业管理有限公司"))
_BANKS = ("临澜示例银行城东支行", "临澜示例银行滨江支行", "临澜示例银行营业部")

_CREDIT_ALPHABET = "0123456789ABCDEFGHJKLMNPQRTUWXY"
_CREDIT_WEIGHTS = (1, 3, 9, 27, 19, 26, 16, 17, 20, 29, 25, 13, 8, 24, 10, 30, 28)
_ORGANISATION_WEIGHTS = (3, 7, 9, 10, 5, 8, 4, 2)

_WORKER_BORN = (date(1968, 1, 1), date(2001, 1, 1))
_CONTACT_BORN = (date(1970, 1, 1), date(1996, 1, 1))


@dataclass(frozen=True, slots=True)
class Worker:
    """A repair worker (维修工) and the codes of the trades he knows, the main one first."""

    person: Person
    trades: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Firm:
    """A partner firm; `trade` is a key of `FIRM_TRADES`, and None for a property company."""

    kind: FirmKind
    trade: str | None
    name: str
    short_name: str
    credit_code: str
    bank_name: str
    bank_account: str
    contact: Person
    workers: tuple[Worker, ...] = ()


def make_firms(*, seed: int, people: PeopleFactory, workers_per_company: int = 10) -> list[Firm]:
    """Return one contractor for each trade, then the two property companies with their workers.

    The people are the next ones of `people`, so nobody is an owner and a worker at once. Codes and accounts differ.
    """
    rng = random.Random(seed)
    firms = [
        _make_firm(rng, people, kind="contractor", trade=trade, names=names) for trade, names in _CONTRACTORS.items()
    ]
    for names in _PROPERTY_COMPANIES:
        workers = _make_workers(rng, people, count=workers_per_company)
        firms.append(_make_firm(rng, people, kind="property_company", trade=None, names=names, workers=workers))
    return firms


def credit_code(*, region: str, organisation: str) -> str:
    """Return the unified social credit code (统一社会信用代码, GB 32100) of an enterprise: class 91.

    `region` has six digits, `organisation` eight characters of the code's alphabet; its own check character
    (GB 11714) and the final one are added.
    """
    total = sum(int(char, 36) * weight for char, weight in zip(organisation, _ORGANISATION_WEIGHTS, strict=True))
    first = "0123456789X0"[11 - total % 11]
    body = f"91{region}{organisation}{first}"
    total = sum(_CREDIT_ALPHABET.index(char) * weight for char, weight in zip(body, _CREDIT_WEIGHTS, strict=True))
    return body + _CREDIT_ALPHABET[-total % 31]


def _make_firm(
    rng: random.Random,
    people: PeopleFactory,
    *,
    kind: FirmKind,
    trade: str | None,
    names: tuple[str, str],
    workers: tuple[Worker, ...] = (),
) -> Firm:
    # 990000 is no region and MA begins the codes given since 2015; six random characters keep them apart.
    organisation = "MA" + "".join(rng.choices(_CREDIT_ALPHABET, k=6))
    return Firm(
        kind=kind,
        trade=trade,
        name=names[1],
        short_name=names[0],
        credit_code=credit_code(region="990000", organisation=organisation),
        bank_name=rng.choices(_BANKS)[0],
        bank_account=f"000000{rng.randrange(10**13):013d}",
        contact=people.person(born=_CONTACT_BORN),
        workers=workers,
    )


def _make_workers(rng: random.Random, people: PeopleFactory, *, count: int) -> tuple[Worker, ...]:
    """Every trade has a worker when there are at least as many workers as trades; some know a second trade."""
    trades = list(WORKER_TRADES)
    workers: list[Worker] = []
    for place in range(count):
        known = [trades[place % len(trades)]]
        second = rng.choices(trades)[0]
        if rng.random() < 0.4 and second not in known:
            known.append(second)
        sex: Sex = Sex.MALE if rng.random() < 0.9 else Sex.FEMALE
        workers.append(Worker(person=people.person(born=_WORKER_BORN, sex=sex), trades=tuple(known)))
    return tuple(workers)
