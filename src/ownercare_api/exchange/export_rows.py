"""What an export holds: its columns, a closed list, and its rows, read piece by piece within a project."""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Date, Select, case, func, literal, or_, select
from sqlalchemy.dialects.postgresql import aggregate_order_by
from sqlalchemy.ext.asyncio import AsyncSession

from ownercare_api.core.clock import SHANGHAI
from ownercare_api.core.crypto import Keyring
from ownercare_api.exchange.lifecycle import ExportKind
from ownercare_api.exchange.sheets import Value
from ownercare_api.owners import sealing
from ownercare_api.owners.documents import DocumentKind, Sex
from ownercare_api.owners.models import Owner, OwnerPhone, Ownership
from ownercare_api.properties.models import Building, Unit
from ownercare_api.tickets.lifecycle import TicketStatus
from ownercare_api.tickets.models import Ticket

PIECE = 2000

_SEXES = {Sex.MALE: "男", Sex.FEMALE: "女"}
_DOCUMENTS = {
    DocumentKind.RESIDENT_ID: "居民身份证",
    DocumentKind.HK_MACAO_PERMIT: "港澳居民来往内地通行证",
    DocumentKind.TAIWAN_PERMIT: "台湾居民来往大陆通行证",
    DocumentKind.PASSPORT: "护照",
    DocumentKind.FOREIGN_PERMANENT_RESIDENT: "外国人永久居留身份证",
}


@dataclass(frozen=True, slots=True)
class Show:
    """How values are shown in one export."""

    keyring: Keyring
    clear: bool

    def opened(self, sealed: bytes | None, masked: str | None, *, column: str) -> str | None:
        """Return a personal number, clear or masked."""
        if sealed is None or not self.clear:
            return masked
        return self.keyring.decrypt(bytes(sealed), column=column)


@dataclass(frozen=True, slots=True)
class ExportColumn:
    """A column of an export."""

    name: str
    zh: str
    value: Callable[[Any, Show], Value]
    personal: bool = False
    """Clear only with `clear_values`."""


def _plain(name: str, zh: str) -> ExportColumn:
    return ExportColumn(name, zh, lambda row, _: getattr(row, name))


def _word(name: str, zh: str, words: Mapping[Any, str] | None = None) -> ExportColumn:
    def value(row: Any, _: Show) -> Value:
        found = getattr(row, name)
        return None if found is None else words[found] if words is not None else str(found)

    return ExportColumn(name, zh, value)


def _moment(name: str, zh: str) -> ExportColumn:
    def value(row: Any, _: Show) -> Value:
        found: datetime | None = getattr(row, name)
        return None if found is None else f"{found.astimezone(SHANGHAI):%Y-%m-%d %H:%M}"

    return ExportColumn(name, zh, value)


def _phones(row: Any, show: Show) -> Value:
    if not row.phones_masked:
        return None
    if not show.clear:
        return "、".join(row.phones_masked)
    return "、".join(show.keyring.decrypt(bytes(one), column=sealing.PHONE) for one in row.phones_encrypted)


def _home_address(row: Any, show: Show) -> Value:
    recorded = None if row.home_address_encrypted is None else "已登记"
    return show.opened(row.home_address_encrypted, recorded, column=sealing.HOME_ADDRESS)


OWNER_COLUMNS = (
    _plain("building", "楼栋"),
    _plain("unit_number", "房号"),
    _plain("unit_address", "房屋地址"),
    _plain("name", "业主姓名"),
    _word("sex", "性别", _SEXES),
    ExportColumn("birth_date", "出生日期", lambda row, show: row.birth_date if show.clear else None, personal=True),
    _word("document_kind", "证件类型", _DOCUMENTS),
    ExportColumn(
        "document_number",
        "证件号码",
        lambda row, show: show.opened(row.document_encrypted, row.document_masked, column=sealing.DOCUMENT),
        personal=True,
    ),
    ExportColumn("phones", "联系电话", _phones, personal=True),
    ExportColumn("home_address", "家庭住址", _home_address, personal=True),
    _plain("occupation", "职业"),
    _plain("preferences", "特殊需求与偏好"),
    ExportColumn("share_percent", "产权份额(%)", lambda row, _: row.share_bp / 100),
    _plain("from_date", "产权起始日期"),
    _plain("to_date", "产权终止日期"),
    _plain("contract_number", "合同编号"),
    _plain("contract_signed_on", "签约日期"),
)
UNIT_COLUMNS = (
    _plain("building", "楼栋"),
    _plain("unit_number", "房号"),
    _plain("unit_address", "房屋地址"),
    _plain("floor", "楼层"),
    _plain("house_type", "户型"),
    _plain("purchase_batch", "购房批次"),
    ExportColumn("area_m2", "建筑面积(㎡)", lambda row, _: row.area_cm2 / 10_000),
    _plain("delivered_on", "交付日期"),
    _plain("moved_in_on", "入住日期"),
)
TICKET_COLUMNS = (
    _plain("number", "编号"),
    _word("category", "类别"),
    _word("channel", "渠道"),
    _word("status", "状态"),
    _plain("unit_address", "房屋地址"),
    _plain("caller_name", "来电来访人"),
    ExportColumn("caller_phone", "联系电话", lambda row, _: row.caller_phone_masked, personal=True),
    _plain("title", "事项"),
    _moment("received_at", "受理时间"),
    _moment("resolved_at", "处理完毕时间"),
    _moment("closed_at", "办结时间"),
)
COLUMNS: Mapping[ExportKind, tuple[ExportColumn, ...]] = {
    ExportKind.OWNERS: OWNER_COLUMNS,
    ExportKind.UNITS: UNIT_COLUMNS,
    ExportKind.TICKETS: TICKET_COLUMNS,
}
TITLES = {ExportKind.OWNERS: "业主名册", ExportKind.UNITS: "房源名册", ExportKind.TICKETS: "工单清单"}


def query(kind: ExportKind, *, project_id: UUID, filters: Mapping[str, Any], today: date) -> Select[Any]:
    """Return the query of an export, with `id` as its key and `owner_id` where it is about people."""
    if kind is ExportKind.OWNERS:
        return _owners(project_id=project_id, filters=filters, today=today)
    return _units(project_id=project_id, filters=filters) if kind is ExportKind.UNITS else _tickets(project_id, filters)


def _owners(*, project_id: UUID, filters: Mapping[str, Any], today: date) -> Select[Any]:
    phone = OwnerPhone.__table__.c
    order = (phone.is_primary.desc(), phone.id)

    def phones(column: Any, label: str) -> Any:
        found = select(func.array_agg(aggregate_order_by(column, *order))).where(phone.owner_id == Owner.id)
        return found.correlate(Owner.__table__).scalar_subquery().label(label)

    columns: list[Any] = [
        Ownership.id, Ownership.owner_id, Building.name.label("building"), Unit.number.label("unit_number"),
        Unit.address.label("unit_address"), Owner.name, Owner.sex, Owner.birth_date, Owner.document_kind,
        Owner.document_encrypted, Owner.document_masked, Owner.home_address_encrypted, Owner.occupation,
        Owner.preferences, Ownership.share_bp, Ownership.from_date, Ownership.to_date, Ownership.contract_number,
        Ownership.contract_signed_on, phones(phone.number_masked, "phones_masked"),
        phones(phone.number_encrypted, "phones_encrypted"),
    ]  # fmt: skip
    found: Select[Any] = (
        select(*columns)
        .join(Owner, Owner.id == Ownership.owner_id)
        .join(Unit, Unit.id == Ownership.unit_id)
        .join(Building, Building.id == Unit.building_id)
        # What the person concerned had restricted is kept, and no more than kept.
        .where(Unit.project_id == project_id, Owner.restricted_at.is_(None), Owner.erased_at.is_(None))
    )
    if filters.get("current_only", True):
        day = literal(today, Date)
        found = found.where(Ownership.from_date <= day, or_(Ownership.to_date.is_(None), Ownership.to_date > day))
    return _of_homes(found, filters)


def _units(*, project_id: UUID, filters: Mapping[str, Any]) -> Select[Any]:
    columns: list[Any] = [
        Unit.id, Building.name.label("building"), Unit.number.label("unit_number"),
        Unit.address.label("unit_address"), Unit.floor, Unit.house_type, Unit.purchase_batch, Unit.area_cm2,
        Unit.delivered_on, Unit.moved_in_on,
    ]  # fmt: skip
    found: Select[Any] = select(*columns).join(Building, Building.id == Unit.building_id)
    return _of_homes(found.where(Unit.project_id == project_id), filters)


def _of_homes(found: Select[Any], filters: Mapping[str, Any]) -> Select[Any]:
    if filters.get("building_id") is not None:
        found = found.where(Unit.building_id == UUID(str(filters["building_id"])))
    if filters.get("occupied") is not None:
        lived_in = Unit.moved_in_on.is_not(None)
        found = found.where(lived_in if filters["occupied"] else ~lived_in)
    return found


def _tickets(project_id: UUID, filters: Mapping[str, Any]) -> Select[Any]:
    open_to_use = Owner.restricted_at.is_(None)
    columns: list[Any] = [
        Ticket.id, Ticket.owner_id, Ticket.number, Ticket.category, Ticket.channel, Ticket.status,
        Unit.address.label("unit_address"), case((open_to_use, Ticket.caller_name)).label("caller_name"),
        case((open_to_use, Ticket.caller_phone_masked)).label("caller_phone_masked"), Ticket.title,
        Ticket.received_at, Ticket.resolved_at, Ticket.closed_at,
    ]  # fmt: skip
    found: Select[Any] = select(*columns).outerjoin(Unit, Unit.id == Ticket.unit_id)
    found = found.outerjoin(Owner, Owner.id == Ticket.owner_id).where(Ticket.project_id == project_id)
    if filters.get("status") is not None:
        found = found.where(Ticket.status == TicketStatus(filters["status"]))
    for name, compare in (("received_from", Ticket.received_at.__ge__), ("received_before", Ticket.received_at.__lt__)):
        if filters.get(name) is not None:
            found = found.where(compare(datetime.fromisoformat(filters[name])))
    return found


_KEYS: Mapping[ExportKind, Any] = {
    ExportKind.OWNERS: Ownership.id,
    ExportKind.UNITS: Unit.id,
    ExportKind.TICKETS: Ticket.id,
}


async def count(session: AsyncSession, found: Select[Any], *, most: int) -> int:
    """Return how many rows an export has, up to `most`."""
    bare = found.with_only_columns(literal(1), maintain_column_froms=True).limit(most).subquery()
    return int(await session.scalar(select(func.count()).select_from(bare)) or 0)


async def pieces(session: AsyncSession, found: Select[Any], *, kind: ExportKind) -> AsyncIterator[Sequence[Any]]:
    """Give the rows piece by piece, oldest first."""
    key, last = _KEYS[kind], None
    while True:
        piece = found if last is None else found.where(key > last)
        rows = (await session.execute(piece.order_by(key).limit(PIECE))).all()
        if not rows:
            return
        yield rows
        last = rows[-1].id
