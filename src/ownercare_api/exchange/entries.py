"""A row of a roster as what it says: checked for itself, before anything is asked of the register."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from ownercare_api.exchange.cells import Reader
from ownercare_api.exchange.columns import COLUMNS, Column, Heading, plain
from ownercare_api.exchange.faults import Fault
from ownercare_api.exchange.lifecycle import RosterKind
from ownercare_api.exchange.tables import Cell
from ownercare_api.owners.documents import DocumentKind, InvalidDocument, Sex, birth_date_of, check_document, sex_of
from ownercare_api.owners.schemas import PaymentMethod

_BY_NAME: Mapping[RosterKind, Mapping[str, Column]] = {
    kind: {column.name: column for column in columns} for kind, columns in COLUMNS.items()
}
_SEXES = {"男": Sex.MALE, "女": Sex.FEMALE, "male": Sex.MALE, "female": Sex.FEMALE, "m": Sex.MALE, "f": Sex.FEMALE}


_DOCUMENTS: dict[str, DocumentKind] = {
    plain(word): kind
    for kind, words in {
        DocumentKind.RESIDENT_ID: ("居民身份证", "身份证", "二代身份证", "居住证", "港澳台居民居住证", "resident_id"),
        DocumentKind.HK_MACAO_PERMIT: ("港澳居民来往内地通行证", "回乡证", "港澳通行证", "hk_macao_permit"),
        DocumentKind.TAIWAN_PERMIT: ("台湾居民来往大陆通行证", "台胞证", "taiwan_permit"),
        DocumentKind.PASSPORT: ("护照", "passport"),
        DocumentKind.FOREIGN_PERMANENT_RESIDENT: (
            "外国人永久居留身份证", "外国人永久居留证", "永居证", "foreign_permanent_resident",
        ),
    }.items()
    for word in words
}  # fmt: skip
_PAYMENTS: dict[str, PaymentMethod] = {
    plain(word): method
    for method, words in {
        PaymentMethod.FULL_PAYMENT: ("一次性付款", "一次性", "全款", "full_payment"),
        PaymentMethod.MORTGAGE: ("按揭贷款", "按揭", "商业贷款", "银行按揭", "mortgage"),
        PaymentMethod.HOUSING_FUND: ("公积金贷款", "公积金", "housing_fund"),
        PaymentMethod.COMBINATION: ("组合贷款", "组合贷", "combination"),
        PaymentMethod.INSTALMENTS: ("分期付款", "分期", "instalments"),
    }.items()
    for word in words
}


@dataclass(frozen=True, slots=True)
class UnitEntry:
    """A home as a row describes it."""

    building: str
    building_floors: int | None
    number: str
    floor: int
    house_type: str
    purchase_batch: str
    area_cm2: int
    address: str | None


@dataclass(frozen=True, slots=True)
class OwnerEntry:
    """An owner with one home as a row describes them; numbers in normal form."""

    building: str
    number: str
    name: str
    sex: Sex | None
    birth_date: date | None
    document: tuple[DocumentKind, str] | None
    phones: tuple[tuple[str, str | None], ...]
    home_address: str | None
    occupation: str | None
    preferences: str | None
    share_bp: int
    from_date: date
    contract_number: str | None
    contract_signed_on: date | None
    payment_method: str | None
    price_fen: int | None


Entry = UnitEntry | OwnerEntry


def read(
    cells: Sequence[Cell], *, kind: RosterKind, heading: Heading, today: date
) -> tuple[Entry | None, tuple[Fault, ...]]:
    """Read a row; either an entry or faults."""
    reader = Reader(cells, places=heading.places, columns=_BY_NAME[kind])
    entry = _unit(reader) if kind is RosterKind.UNITS else _owner(reader, today=today)
    return (None, tuple(reader.faults)) if reader.faults else (entry, ())


def _unit(reader: Reader) -> UnitEntry | None:
    building = reader.text("building")
    floors = reader.number("building_floors", decimals=0, low=Decimal(1), high=Decimal(200))
    number = reader.text("unit_number")
    floor = reader.number("floor", decimals=0, low=Decimal(-10), high=Decimal(200))
    house_type, batch = reader.text("house_type"), reader.text("purchase_batch")
    area = reader.number("area", decimals=4, low=Decimal("0.0001"), high=Decimal(100_000))
    address = reader.text("address", most=300)
    if building is None or number is None or floor is None or house_type is None or batch is None or area is None:
        return None
    return UnitEntry(
        building=building,
        building_floors=None if floors is None else int(floors),
        number=number,
        floor=int(floor),
        house_type=house_type,
        purchase_batch=batch,
        area_cm2=int(area * 10_000),
        address=address,
    )


def _owner(reader: Reader, *, today: date) -> OwnerEntry | None:
    building, number, name = reader.text("building"), reader.text("unit_number"), reader.text("name")
    sex, birth_date = reader.choice("sex", _SEXES), reader.date("birth_date", not_after=today)
    document = _document(reader, today=today)
    if document is not None:
        born, said = birth_date_of(kind=document[0], number=document[1]), sex_of(kind=document[0], number=document[1])
        if born is not None and birth_date not in (None, born):
            reader.fault("birth_date", "document_mismatch")
        if said is not None and sex not in (None, said):
            reader.fault("sex", "document_mismatch")
    phones = _phones(reader)
    share, since = reader.share_bp("share"), reader.date("from_date")
    price = reader.number("price", decimals=2, low=Decimal("0.01"), high=Decimal(10_000_000_000))
    payment = reader.choice("payment_method", _PAYMENTS)
    rest: dict[str, Any] = {
        "home_address": reader.text("home_address", most=300),
        "occupation": reader.text("occupation"),
        "preferences": reader.text("preferences", most=1000),
        "contract_number": reader.text("contract_number"),
        "contract_signed_on": reader.date("contract_signed_on", not_after=today),
    }
    if building is None or number is None or name is None or share is None or since is None or not phones:
        return None
    return OwnerEntry(
        building=building,
        number=number,
        name=name,
        sex=sex,
        birth_date=birth_date,
        document=document,
        phones=phones,
        share_bp=share,
        from_date=since,
        payment_method=None if payment is None else payment.value,
        price_fen=None if price is None else int(price * 100),
        **rest,
    )


def _document(reader: Reader, *, today: date) -> tuple[DocumentKind, str] | None:
    kind = reader.choice("document_kind", _DOCUMENTS)
    given = reader.text("document_number", most=40)
    if given is None:
        return None
    kind = kind or DocumentKind.RESIDENT_ID
    try:
        return kind, check_document(kind=kind, number=given, today=today)
    except InvalidDocument as refusal:
        reader.fault("document_number", f"document_{refusal.reason_code}")
        return None


def _phones(reader: Reader) -> tuple[tuple[str, str | None], ...]:
    first, second = reader.phone("phone"), reader.phone("phone_2")
    labels = reader.text("phone_label"), reader.text("phone_2_label")
    if first is not None and first == second:
        reader.fault("phone_2", "phone_repeated")
    return tuple((one, label) for one, label in zip((first, second), labels, strict=True) if one is not None)
