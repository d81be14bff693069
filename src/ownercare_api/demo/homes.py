"""Owners of the demonstration: their records, telephone numbers and homes. About one in a hundred is from abroad."""

import random
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from uuid import UUID

from ownercare_api.core.clock import SHANGHAI
from ownercare_api.core.crypto import Keyring
from ownercare_api.core.names import name_sort_key
from ownercare_api.core.phones import normalise_phone
from ownercare_api.demo.bulk import Row, Sheet
from ownercare_api.demo.estate import CUIHU, END, JIANGLAN, YUNQI, Estate, Home
from ownercare_api.demo.people import PeopleFactory
from ownercare_api.owners import sealing
from ownercare_api.owners.documents import DocumentKind, Sex, check_digit, check_document
from ownercare_api.owners.lifecycle import FilingStatus
from ownercare_api.owners.models import Owner, OwnerPhone, Ownership

WHOLE = 10_000
FAMILY_PHONE_OWNERS = 3
"""So many owners of one family share one telephone number."""
RESALES = 12

_SHARES = ((5000, 5000), (5000, 5000), (7000, 3000), (6000, 4000), (9900, 100))
_PAYMENTS = ("商业按揭", "商业按揭", "商业按揭", "组合贷款", "公积金贷款", "一次性付款")
_PRICE_FEN_PER_SQUARE_METRE = {YUNQI: 2_180_000, JIANGLAN: 3_460_000, CUIHU: 2_650_000}
_PREFIX = {YUNQI: "YQ", JIANGLAN: "JL", CUIHU: "CH"}
_SOLD_SHARE = {YUNQI: 1.0, JIANGLAN: 0.98, CUIHU: 0.62}
_TWO_OWNERS, _SECOND_HOME, _FIRST_BUYERS = 0.145, 0.05, 300
_OCCUPATIONS = (
    "教师", "医生", "公务员", "工程师", "会计", "个体经营", "企业管理", "护士", "律师", "设计师", "退休", "退休",
    "银行职员", "软件开发", "销售", "自由职业", "建筑师", "司机",
)  # fmt: skip
_PREFERENCES = (
    "家有老人,回访请避开午休时间(12:30-14:30)。",
    "对粉尘过敏,上门施工请提前做好成品保护。",
    "工作日不便接电话,请先发短信。",
    "家中有宠物,上门请提前半天预约。",
    "家有婴儿,施工请安排在上午。",
    "行动不便,希望上门办理手续。",
    "偏好微信沟通,不接受推销类来电。",
    "夜班工作,上午请勿来电。",
)
_STREETS = ("梧桐路", "望湖街", "学府路", "长桥巷", "和平大道", "青年路", "北苑街", "文昌路")

# Name, sex, kind of document, and the start of a telephone number from outside the mainland.
_FROM_ABROAD: tuple[tuple[str, Sex, DocumentKind, str], ...] = (
    ("陳嘉欣", Sex.FEMALE, DocumentKind.HK_MACAO_PERMIT, "+8529"),
    ("黃志強", Sex.MALE, DocumentKind.HK_MACAO_PERMIT, "+8526"),
    ("林怡君", Sex.FEMALE, DocumentKind.TAIWAN_PERMIT, ""),
    ("Michael Brown", Sex.MALE, DocumentKind.PASSPORT, ""),
    ("李詠詩", Sex.FEMALE, DocumentKind.HK_MACAO_PERMIT, "+8525"),
    ("陳冠宇", Sex.MALE, DocumentKind.TAIWAN_PERMIT, ""),
    ("Anna Schmidt", Sex.FEMALE, DocumentKind.PASSPORT, ""),
    ("何家豪", Sex.MALE, DocumentKind.HK_MACAO_PERMIT, "+8536"),
    ("田中健一", Sex.MALE, DocumentKind.PASSPORT, ""),
    ("David Wilson", Sex.MALE, DocumentKind.FOREIGN_PERMANENT_RESIDENT, ""),
    ("張雅惠", Sex.FEMALE, DocumentKind.TAIWAN_PERMIT, ""),
    ("梁美玲", Sex.FEMALE, DocumentKind.HK_MACAO_PERMIT, "+8529"),
    ("Kim Min-jun", Sex.MALE, DocumentKind.PASSPORT, ""),
    ("Marie Dubois", Sex.FEMALE, DocumentKind.FOREIGN_PERMANENT_RESIDENT, ""),
    ("歐陽俊傑", Sex.MALE, DocumentKind.HK_MACAO_PERMIT, "+8526"),
    ("Nguyen Thi Lan", Sex.FEMALE, DocumentKind.PASSPORT, ""),
    ("黃俊傑", Sex.MALE, DocumentKind.TAIWAN_PERMIT, ""),
    ("Elena Petrova", Sex.FEMALE, DocumentKind.PASSPORT, ""),
    ("鄧子晴", Sex.FEMALE, DocumentKind.HK_MACAO_PERMIT, "+8529"),
)
_FAMILY = (("周建国", Sex.MALE, 1957), ("周海涛", Sex.MALE, 1984), ("周雨婷", Sex.FEMALE, 1991))
"""Name, sex, year of birth."""


@dataclass(slots=True)
class Resident:
    """An owner as the history needs him: who calls, from which number, about which homes."""

    id: UUID
    name: str
    phone: str
    """In normal form; in clear only while the data set is made."""
    masked: str
    homes: list[Home] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Owners:
    """The present owners of each sold home, by the home's id."""

    of_home: dict[UUID, list[Resident]]
    bought_on: dict[UUID, date]
    count: int

    def since(self, home: Home) -> date:
        """Return since when the present owners have a home."""
        return self.bought_on[home.id]


class _Registry:
    """Opens owners' records one after the other."""

    def __init__(self, sheet: Sheet, *, keyring: Keyring, people: PeopleFactory) -> None:
        self.sheet = sheet
        self.keyring = keyring
        self.people = people
        self.rng = random.Random(20260605)
        self.made: list[Resident] = []

    def open(self, *, at: datetime) -> Resident:
        """Open the record of the next person; every hundredth is from abroad."""
        person = self.people.person()
        name, sex = person.name, person.sex
        kind, document = DocumentKind.RESIDENT_ID, person.resident_id
        number = normalise_phone(person.mobile)
        place, abroad = divmod(len(self.made), 100)
        if abroad == 99 and place < len(_FROM_ABROAD):
            name, sex, kind, prefix = _FROM_ABROAD[place]
            document = _foreign_document(self.rng, kind, person.birth_date, sex)
            if prefix:
                number = f"{prefix}{self.rng.randrange(10**7):07d}"
        return self._write(
            at=at, name=name, sex=sex, born=person.birth_date, kind=kind, document=document, number=number
        )

    def open_family(self, *, at: datetime, place: int, number: str | None) -> Resident:
        """Open the record of one of the family, under the number that they share; None: his own begins it."""
        name, sex, year = _FAMILY[place]
        person = self.people.person(born=(date(year, 1, 1), date(year + 1, 1, 1)), sex=sex)
        return self._write(
            at=at,
            name=name,
            sex=sex,
            born=person.birth_date,
            kind=DocumentKind.RESIDENT_ID,
            document=person.resident_id,
            number=number or normalise_phone(person.mobile),
        )

    def _write(
        self, *, at: datetime, name: str, sex: Sex, born: date, kind: DocumentKind, document: str, number: str
    ) -> Resident:
        rng, keyring = self.rng, self.keyring
        sealed = sealing.seal_document(keyring, check_document(kind=kind, number=document, today=END.date()))
        phone = sealing.seal_phone(keyring, number)
        lives, likes, second = rng.random(), rng.random(), rng.random()
        home_address = (
            f"临澜市{_STREETS[rng.randrange(len(_STREETS))]}{rng.randrange(1, 300)}号" if lives < 0.3 else None
        )
        row = self.sheet.add(
            Owner,
            at,
            name=name,
            name_sort=name_sort_key(name),
            sex=sex,
            birth_date=born,
            document_kind=kind,
            document_encrypted=sealed.encrypted,
            document_index=sealed.index,
            document_masked=sealed.masked,
            home_address_encrypted=None
            if home_address is None
            else keyring.encrypt(home_address, column=sealing.HOME_ADDRESS),
            occupation=_OCCUPATIONS[rng.randrange(len(_OCCUPATIONS))],
            preferences=_PREFERENCES[rng.randrange(len(_PREFERENCES))] if likes < 0.12 else None,
        )
        self._phone(row["id"], phone, at=at, label="本人手机", is_primary=True)
        if second < 0.08:
            other = sealing.seal_phone(keyring, normalise_phone(self.people.person().mobile))
            self._phone(row["id"], other, at=at, label="配偶手机", is_primary=False)
        resident = Resident(id=row["id"], name=name, phone=number, masked=phone.masked)
        self.made.append(resident)
        return resident

    def _phone(self, owner_id: UUID, sealed: sealing.Sealed, *, at: datetime, label: str, is_primary: bool) -> None:
        self.sheet.add(
            OwnerPhone,
            at,
            owner_id=owner_id,
            number_encrypted=sealed.encrypted,
            number_index=sealed.index,
            number_masked=sealed.masked,
            is_primary=is_primary,
            label=label,
        )


def build(sheet: Sheet, estate: Estate, *, keyring: Keyring, people: PeopleFactory) -> Owners:
    """Sell the homes: owners, numbers, shares, a family with one number, second homes, some sold a second time."""
    registry = _Registry(sheet, keyring=keyring, people=people)
    rng = random.Random(20260606)
    of_home: dict[UUID, list[Resident]] = {}
    bought_on: dict[UUID, date] = {}
    for project, homes in estate.homes.items():
        first = {} if project != YUNQI else _family_homes(homes)
        shared: str | None = None
        for place, home in enumerate(homes, start=1):
            sold, two, again = rng.random(), rng.random(), rng.random()
            if sold >= _SOLD_SHARE[project]:
                continue
            signed_on = _signed_on(rng, home)
            at = _office_hour(rng, signed_on)
            residents: list[Resident] = []
            shares: tuple[int, ...] = (WHOLE,)
            if home.id in first:
                residents = [registry.open_family(at=at, place=first[home.id], number=shared)]
                shared = residents[0].phone
            elif two < _TWO_OWNERS:
                residents, shares = [registry.open(at=at), registry.open(at=at)], _SHARES[rng.randrange(len(_SHARES))]
            elif again < _SECOND_HOME and len(registry.made) > _FIRST_BUYERS:
                residents = [_buyer_of_before(registry, rng)]
            else:
                residents = [registry.open(at=at)]
            number = f"{_PREFIX[project]}-{signed_on.year}-{place:05d}"
            rows = _own(sheet, rng, home, residents, shares, signed_on=signed_on, at=at, number=number)
            of_home[home.id], bought_on[home.id] = residents, signed_on
            if project == YUNQI and place % (len(homes) // RESALES) == 50:
                bought_on[home.id] = sold_on = date(2025, 9, 1) + timedelta(days=rng.randrange(400))
                of_home[home.id] = _resell(registry, rng, home, rows, sold_on=sold_on, number=number)
    return Owners(of_home=of_home, bought_on=bought_on, count=len(registry.made))


def _family_homes(homes: list[Home]) -> dict[UUID, int]:
    """Return three homes one above the other in the third building, one for each of the family."""
    third = [home for home in homes if home.building == "3栋"]
    return {third[8 + 4 * place].id: place for place in range(FAMILY_PHONE_OWNERS)}


def _buyer_of_before(registry: _Registry, rng: random.Random) -> Resident:
    """Return one of the first buyers who has one home so far."""
    known = [one for one in registry.made[:_FIRST_BUYERS] if len(one.homes) == 1]
    return known[rng.randrange(len(known))]


def _own(
    sheet: Sheet,
    rng: random.Random,
    home: Home,
    residents: list[Resident],
    shares: tuple[int, ...],
    *,
    signed_on: date,
    at: datetime,
    number: str,
) -> list[Row]:
    unit_price = _PRICE_FEN_PER_SQUARE_METRE[home.project] + home.floor * 8_000
    price = home.area_cm2 * unit_price // 10_000 // 100_000 * 100_000
    payment = _PAYMENTS[rng.randrange(len(_PAYMENTS))]
    rows = []
    for resident, share in zip(residents, shares, strict=True):
        resident.homes.append(home)
        rows.append(
            sheet.add(
                Ownership,
                at,
                owner_id=resident.id,
                unit_id=home.id,
                share_bp=share,
                from_date=signed_on,
                to_date=None,
                contract_number=number,
                contract_signed_on=signed_on,
                payment_method=payment,
                price_fen=price,
                filing_status=FilingStatus.DRAFT,
                makers=[],
            )
        )
    return rows


def _resell(
    registry: _Registry, rng: random.Random, home: Home, rows: list[Row], *, sold_on: date, number: str
) -> list[Resident]:
    """Sell a home a second time: the first owners' shares end on the day on which the new one's begins."""
    at = _office_hour(rng, sold_on)
    for row in rows:
        row["to_date"], row["updated_at"], row["version"] = sold_on, at, 2
    for resident in registry.made:
        resident.homes = [one for one in resident.homes if one.id != home.id]
    buyer = registry.open(at=at)
    _own(registry.sheet, rng, home, [buyer], (WHOLE,), signed_on=sold_on, at=at, number=f"{number}-2")
    return [buyer]


def _signed_on(rng: random.Random, home: Home) -> date:
    days = rng.randrange(300)
    if home.project == CUIHU:
        return date(2025, 10, 18) + timedelta(days=days)
    if home.project == JIANGLAN:
        return date(2024, 9, 21) + timedelta(days=days)
    first = {"一期": date(2021, 12, 4), "二期": date(2022, 10, 15), "三期": date(2023, 8, 19)}[home.batch]
    return first + timedelta(days=days)


def _office_hour(rng: random.Random, day: date) -> datetime:
    opened = datetime(day.year, day.month, day.day, 9, tzinfo=SHANGHAI)
    return (opened + timedelta(minutes=rng.randrange(9 * 60))).astimezone(UTC)


def _foreign_document(rng: random.Random, kind: DocumentKind, born: date, sex: Sex) -> str:
    number = rng.randrange(10**8)
    if kind is DocumentKind.HK_MACAO_PERMIT:
        return f"H{number:08d}"
    if kind is DocumentKind.TAIWAN_PERMIT:
        return f"{number:08d}"
    if kind is DocumentKind.PASSPORT:
        return f"E{number:08d}"
    # The card of 2023: province, numeric country code 840, birth date, sequence.
    sequence = number % 499 * 2 + (1 if sex is Sex.MALE else 2)
    digits = f"931840{born:%Y%m%d}{sequence:03d}"
    return digits + check_digit(digits)


def _with_sex(number: str, sex: Sex) -> str:
    """Return a resident ID number with a sequence of the sex."""
    odd = int(number[16]) % 2 == 1
    if odd == (sex is Sex.MALE):
        return number
    digits = number[:16] + str((int(number[16]) + 1) % 10)
    return digits + check_digit(digits)
