"""Use cases: a home is delivered to its owner, and lived in (OWN-14, OWN-17)."""

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from ownercare_api.core.clock import business_date
from ownercare_api.core.errors import Conflict, FieldError, Invalid
from ownercare_api.core.ids import uuid7
from ownercare_api.identity.principal import Principal
from ownercare_api.properties.models import Unit, UnitDelivery
from ownercare_api.properties.models_occupancy import OccupiedBy, UnitOccupancy
from ownercare_api.properties.service import unit_for_change
from ownercare_api.timeline import service as timeline


class AlreadyDelivered(Conflict):
    """409: a home is delivered once; a correction says why."""

    code = "already_delivered"
    zh = "该房屋已有交付记录;如需更正,请填写更正原因。"
    en = "The home is delivered already; a correction needs a reason."
    rules = ("OWN-14",)


class NotDelivered(Conflict):
    """409: nobody moves in before delivery, and nothing is corrected that is not recorded."""

    code = "not_delivered"
    zh, en = "该房屋尚未交付。", "The home has not been delivered yet."
    rules = ("OWN-14", "OWN-17")


class OccupancyUnchanged(Conflict):
    """409: the home is lived in already, or is empty already."""

    code = "occupancy_unchanged"
    zh, en = "该房屋的入住状态已是如此。", "The home is lived in, or empty, already."
    rules = ("OWN-17",)


class WrongDay(Invalid):
    """422: the day is in the future, or moving in would be before delivery."""

    code = "wrong_day"
    zh = "日期不能晚于今天,入住不能早于交付。"
    en = "The day can't be in the future, and nobody moves in before delivery."
    rules = ("OWN-14", "OWN-17")

    def __init__(self, pointer: str) -> None:
        super().__init__(errors=(FieldError(pointer, self.code, self.zh, self.en),))


async def deliver(
    session: AsyncSession,
    *,
    unit_id: UUID,
    delivered_on: date,
    content: str | None,
    handover_material: list[str],
    correction_reason: str | None,
    principal: Principal,
    now: datetime,
) -> Unit:
    """Record the acceptance of a home: the owner's warranty clock starts on that day (OWN-14, REP-08).

    Raises `UnitNotFound`, `OutOfReach`, `WrongDay`; `AlreadyDelivered` for a second delivery without a reason, and
    `NotDelivered` for a correction of nothing.
    """
    unit = await unit_for_change(session, unit_id=unit_id, principal=principal)
    before = unit.delivered_on
    if before is not None and correction_reason is None:
        raise AlreadyDelivered
    if before is None and correction_reason is not None:
        raise NotDelivered
    if delivered_on > business_date(now) or (unit.moved_in_on is not None and delivered_on > unit.moved_in_on):
        raise WrongDay("#/delivered_on")
    unit.delivered_on, unit.updated_at = delivered_on, now
    session.add(
        UnitDelivery(
            id=uuid7(),
            unit_id=unit.id,
            delivered_on=delivered_on,
            content=content,
            handover_material=handover_material,
            correction_reason=correction_reason,
            recorded_by=principal.id,
            recorded_by_name=principal.name,
            recorded_at=now,
        )
    )
    await session.flush()
    corrected = {} if before is None else {"before": before.isoformat()}
    await timeline.record(
        session,
        kind="unit.delivered" if before is None else "unit.delivery_corrected",
        subject_kind="unit",
        subject_id=unit.id,
        actor=principal,
        now=now,
        project_id=unit.project_id,
        rules=("OWN-14",),
        data={"delivered_on": delivered_on.isoformat(), **corrected},
    )
    return unit


async def occupy(
    session: AsyncSession,
    *,
    unit_id: UUID,
    moved_in_on: date | None,
    moved_out_on: date | None = None,
    occupied_by: OccupiedBy | None = None,
    principal: Principal,
    now: datetime,
) -> Unit:
    """Record that a household moved in, or with None that it moved out, today unless a day is given (OWN-17).

    Raises `UnitNotFound`, `OutOfReach`, `NotDelivered`, `WrongDay`, `OccupancyUnchanged`.
    """
    unit = await unit_for_change(session, unit_id=unit_id, principal=principal)
    if unit.delivered_on is None:
        raise NotDelivered
    if (moved_in_on is None) == (unit.moved_in_on is None):
        raise OccupancyUnchanged
    if moved_in_on is not None and not unit.delivered_on <= moved_in_on <= business_date(now):
        raise WrongDay("#/moved_in_on")
    before = unit.moved_in_on
    out = moved_out_on or business_date(now)
    if before is not None and not before <= out <= business_date(now):
        raise WrongDay("#/moved_out_on")
    unit.moved_in_on, unit.updated_at = moved_in_on, now
    if moved_in_on is not None:
        await _move_in(session, unit, moved_in_on, occupied_by=occupied_by, principal=principal, now=now)
    elif before is not None:
        await _move_out(session, unit, before, out, principal=principal, now=now)
    await session.flush()
    day = moved_in_on or before
    assert day is not None
    more = {} if moved_in_on is not None else {"moved_out_on": out.isoformat()}
    await timeline.record(
        session,
        kind="unit.moved_in" if moved_in_on else "unit.moved_out",
        subject_kind="unit",
        subject_id=unit.id,
        actor=principal,
        now=now,
        project_id=unit.project_id,
        rules=("OWN-17",),
        data={"moved_in_on": day.isoformat(), **more},
    )
    return unit


async def _move_in(
    session: AsyncSession,
    unit: Unit,
    moved_in_on: date,
    *,
    occupied_by: OccupiedBy | None,
    principal: Principal,
    now: datetime,
) -> None:
    earlier = select(func.max(UnitOccupancy.moved_out_on)).where(UnitOccupancy.unit_id == unit.id)
    last = await session.scalar(earlier)
    if last is not None and moved_in_on < last:
        raise WrongDay("#/moved_in_on")  # two households at a time
    session.add(
        UnitOccupancy(
            id=uuid7(),
            unit_id=unit.id,
            moved_in_on=moved_in_on,
            occupied_by=occupied_by,
            recorded_by=principal.id,
            recorded_by_name=principal.name,
            recorded_at=now,
        )
    )


async def _move_out(
    session: AsyncSession, unit: Unit, since: date, out: date, *, principal: Principal, now: datetime
) -> None:
    lived = select(UnitOccupancy).where(UnitOccupancy.unit_id == unit.id, UnitOccupancy.moved_out_on.is_(None))
    found = await session.scalar(lived)
    if found is None:  # from before histories were kept
        found = UnitOccupancy(id=uuid7(), unit_id=unit.id, moved_in_on=since, recorded_at=now)
        session.add(found)
    found.moved_out_on, found.ended_by = out, principal.id
