"""Use cases: an owner acquires a share of a home, and gives it up (OWN-13)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from ownercare_api.core.errors import Conflict, FieldError, Invalid, NotFound
from ownercare_api.core.ids import uuid7
from ownercare_api.identity.principal import Principal
from ownercare_api.owners import repository, repository_payments
from ownercare_api.owners.models import Ownership
from ownercare_api.owners.service import READ, WRITE
from ownercare_api.properties import service as properties
from ownercare_api.properties.models import Unit
from ownercare_api.timeline import service as timeline

WHOLE = 10_000
"""All shares of a home, in hundredths of a percent."""


class OwnershipNotFound(NotFound):
    """404: no such ownership, or not visible."""

    code = "ownership_not_found"
    zh, en = "产权记录不存在,或您无权查看。", "The ownership does not exist, or you may not see it."


class UnitAlreadySold(Conflict):
    """409: the home belongs wholly to others in that time: it can't be sold twice."""

    code = "unit_already_sold"
    zh = "该房屋在此期间已全部售出,不能重复登记;请先办理原产权终止。"
    en = "The home belongs wholly to others in that time; end their ownership first."
    rules = ("OWN-13",)


class SharesExceeded(Conflict):
    """409: the shares of a home are at most the whole on any day."""

    code = "shares_exceeded"
    zh = "产权份额合计超过 100%,该期间最多还可登记 {left_bp} 个基点(万分之一)。"
    en = "The shares would exceed the whole; at most {left_bp} hundredths of a percent are left in that time."
    rules = ("OWN-13",)


class AlreadyHolds(Conflict):
    """409: an owner holds one share of a home at a time."""

    code = "already_holds_share"
    zh = "该业主在此期间已持有该房屋份额;份额变化请先终止原记录。"
    en = "The owner holds a share of the home in that time; end it first to change it."
    rules = ("OWN-13",)


class AlreadyEnded(Conflict):
    """409: the ownership has an end already."""

    code = "ownership_ended"
    zh, en = "该产权已终止。", "The ownership has ended already."
    rules = ("OWN-13",)


class EndBeforeStart(Invalid):
    """422: an ownership lasts at least a day."""

    code = "end_before_start"
    zh, en = "终止日期须晚于起始日期。", "The end must be after the beginning."
    rules = ("OWN-13",)

    def __init__(self) -> None:
        super().__init__(errors=(FieldError("#/to_date", self.code, self.zh, self.en),))


@dataclass(frozen=True, slots=True)
class Purchase:
    """A share of a home and its contract."""

    unit_id: UUID
    share_bp: int
    from_date: date
    contract_number: str | None = None
    contract_signed_on: date | None = None
    payment_method: str | None = None
    price_fen: int | None = None
    purchase_place: str | None = None
    deposit_fen: int | None = None
    first_payment_fen: int | None = None


async def acquire(
    session: AsyncSession, *, owner_id: UUID, purchase: Purchase, principal: Principal, now: datetime
) -> tuple[Ownership, Unit]:
    """Give an owner, whom the caller may change, a share of a home.

    The home's row is locked, so that of two sales at once the second sees the first. Raises `UnitNotFound`,
    `OutOfReach`, `AlreadyHolds`, `UnitAlreadySold`, `SharesExceeded`.
    """
    unit = await properties.lock_unit(session, unit_id=purchase.unit_id)
    sights = (READ, WRITE, properties.READ)
    if not any(principal.may(scope, project_id=unit.project_id) for scope in sights):
        raise properties.UnitNotFound
    principal.require(WRITE, project_id=unit.project_id)
    others = await repository.overlapping(session, unit_id=unit.id, from_date=purchase.from_date, to_date=None)
    if any(other.owner_id == owner_id for other in others):
        raise AlreadyHolds
    left = WHOLE - peak(others, since=purchase.from_date)
    if left <= 0:
        raise UnitAlreadySold
    if purchase.share_bp > left:
        raise SharesExceeded(left_bp=left)
    made = Ownership(
        id=uuid7(),
        owner_id=owner_id,
        unit_id=unit.id,
        share_bp=purchase.share_bp,
        from_date=purchase.from_date,
        contract_number=purchase.contract_number,
        contract_signed_on=purchase.contract_signed_on,
        payment_method=purchase.payment_method,
        price_fen=purchase.price_fen,
        purchase_place=purchase.purchase_place,
        deposit_fen=purchase.deposit_fen,
        first_payment_fen=purchase.first_payment_fen,
        edited_by=principal.id,
        makers=sorted(principal.acting(WRITE, project_id=unit.project_id)),
        payment_plan_id=await repository_payments.plan_of_contract(
            session, unit_id=unit.id, contract_number=purchase.contract_number
        ),
    )
    session.add(made)
    await session.flush()
    await _record(session, made, kind="ownership.started", unit=unit, principal=principal, now=now)
    return made, unit


def peak(ownerships: Sequence[Ownership], *, since: date) -> int:
    """Return the greatest sum of shares on any day from `since` on."""
    starts = {since} | {one.from_date for one in ownerships if one.from_date > since}
    return max(
        sum(one.share_bp for one in ownerships if one.from_date <= day and (one.to_date is None or one.to_date > day))
        for day in starts
    )


async def end(
    session: AsyncSession, *, ownership_id: UUID, to_date: date, principal: Principal, now: datetime
) -> Ownership:
    """End an ownership: `to_date` is the first day without it.

    Raises `OwnershipNotFound`, `OutOfReach`, `AlreadyEnded`, `EndBeforeStart`.
    """
    unit_id = await session.scalar(select(Ownership.unit_id).where(Ownership.id == ownership_id))
    if unit_id is None:
        raise OwnershipNotFound
    unit = await properties.lock_unit(session, unit_id=unit_id)  # in the order in which sales lock
    if not any(principal.may(scope, project_id=unit.project_id) for scope in (READ, WRITE)):
        raise OwnershipNotFound
    principal.require(WRITE, project_id=unit.project_id)
    ownership = await session.get_one(Ownership, ownership_id, populate_existing=True)
    if ownership.to_date is not None:
        raise AlreadyEnded
    if to_date <= ownership.from_date:
        raise EndBeforeStart
    ownership.to_date, ownership.updated_at = to_date, now
    await session.flush()
    await _record(session, ownership, kind="ownership.ended", unit=unit, principal=principal, now=now)
    return ownership


async def _record(
    session: AsyncSession, made: Ownership, *, kind: str, unit: Unit, principal: Principal, now: datetime
) -> None:
    day = made.from_date if made.to_date is None else made.to_date
    await timeline.record(
        session,
        kind=kind,
        subject_kind="owner",
        subject_id=made.owner_id,
        actor=principal,
        now=now,
        project_id=unit.project_id,
        rules=("OWN-13",),
        data={
            "ownership_id": str(made.id),
            "unit_id": str(unit.id),
            "share_bp": made.share_bp,
            "on": day.isoformat(),
        },
    )
