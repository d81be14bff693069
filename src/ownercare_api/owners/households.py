"""Use cases: those who live together in a home (家庭): with a head, over time (OWN-10)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from ownercare_api.core.clock import business_date
from ownercare_api.core.errors import Conflict, FieldError, Invalid, NotFound
from ownercare_api.core.ids import uuid7
from ownercare_api.identity.principal import Principal
from ownercare_api.owners import repository
from ownercare_api.owners.models_records import Household, HouseholdMember, OwnerContactPerson
from ownercare_api.owners.service import READ, WRITE, sight
from ownercare_api.properties import service as properties
from ownercare_api.properties.models import Unit
from ownercare_api.timeline import service as timeline


class HouseholdNotFound(NotFound):
    """404: no such household, or not visible."""

    code = "household_not_found"
    zh, en = "家庭不存在,或您无权查看。", "The household does not exist, or you may not see it."


class MemberNotFound(NotFound):
    """404: the household has no such member."""

    code = "household_member_not_found"
    zh, en = "该家庭没有此成员。", "The household has no such member."


class HouseholdEnded(Conflict):
    """409: the household, or the member's time in it, has ended."""

    code = "household_ended"
    zh, en = "该家庭或成员记录已终止。", "The household, or the member's time in it, has ended."


class AlreadyMember(Conflict):
    """409: the person is in the household already."""

    code = "already_in_household"
    zh, en = "该人员已是此家庭成员。", "The person is in the household already."


class UnknownPerson(Invalid):
    """422: the named owner or contact does not exist or is not visible."""

    code = "person_unknown"
    zh, en = "所填业主或联系人不存在,或您无权查看。", "The owner or contact does not exist, or you may not see it."

    def __init__(self, place: int) -> None:
        super().__init__(errors=(FieldError(f"#/members/{place}", self.code, self.zh, self.en),))


class HouseholdPeriod(Invalid):
    """422: something ends after it begins."""

    code = "household_period"
    zh, en = "结束日期不能早于开始日期。", "The end is before the beginning."

    def __init__(self) -> None:
        super().__init__(errors=(FieldError("#/to_date", self.code, self.zh, self.en),))


@dataclass(frozen=True, slots=True)
class NewMember:
    """Exactly one of owner, contact and name."""

    owner_id: UUID | None
    contact_id: UUID | None
    name: str | None
    relation: str | None
    is_head: bool


async def start(
    session: AsyncSession,
    *,
    unit_id: UUID,
    name: str,
    from_date: date,
    members: Sequence[NewMember],
    principal: Principal,
    now: datetime,
) -> Household:
    """Enter a household of a home with its members; raises `UnitNotFound`, `OutOfReach`, `UnknownPerson`."""
    unit = await properties.lock_unit(session, unit_id=unit_id)
    if not any(principal.may(scope, project_id=unit.project_id) for scope in (READ, WRITE, properties.READ)):
        raise properties.UnitNotFound
    principal.require(WRITE, project_id=unit.project_id)
    household = Household(id=uuid7(), unit_id=unit_id, name=name, from_date=from_date)
    session.add(household)
    await session.flush()
    await _join(session, household, members=members, from_date=from_date, principal=principal)
    await _record(session, household, unit, "household.started", principal=principal, now=now)
    return household


async def for_change(session: AsyncSession, *, household_id: UUID, principal: Principal) -> tuple[Household, Unit]:
    """Return a household locked for change, with its home; raises `HouseholdNotFound`, `OutOfReach`."""
    household = await session.get(Household, household_id, with_for_update=True, populate_existing=True)
    if household is None:
        raise HouseholdNotFound
    unit = await session.get_one(Unit, household.unit_id)
    if not any(principal.may(scope, project_id=unit.project_id) for scope in (READ, WRITE)):
        raise HouseholdNotFound
    principal.require(WRITE, project_id=unit.project_id)
    return household, unit


async def rename(
    session: AsyncSession, *, household: Household, unit: Unit, name: str, principal: Principal, now: datetime
) -> None:
    """Give a household that the caller locked another name."""
    if household.name == name:
        return
    household.name, household.updated_at = name, now
    await session.flush()
    await _record(session, household, unit, "household.updated", principal=principal, now=now)


async def add_members(
    session: AsyncSession,
    *,
    household_id: UUID,
    members: Sequence[NewMember],
    from_date: date,
    principal: Principal,
    now: datetime,
) -> Household:
    """Enter members; a new head takes the present one's place.

    Raises `HouseholdNotFound`, `OutOfReach`, `HouseholdEnded`, `UnknownPerson`, `AlreadyMember`.
    """
    household, unit = await for_change(session, household_id=household_id, principal=principal)
    if household.to_date is not None:
        raise HouseholdEnded
    await _join(session, household, members=members, from_date=from_date, principal=principal)
    household.updated_at = now
    await session.flush()
    data = {"members": len(members)}
    await _record(session, household, unit, "household.joined", principal=principal, now=now, data=data)
    return household


async def remove_member(
    session: AsyncSession, *, household_id: UUID, member_id: UUID, principal: Principal, now: datetime
) -> Household:
    """End a member's time in a household today.

    Raises `HouseholdNotFound`, `OutOfReach`, `MemberNotFound`, `HouseholdEnded`.
    """
    household, unit = await for_change(session, household_id=household_id, principal=principal)
    member = await session.get(HouseholdMember, member_id)
    if member is None or member.household_id != household_id:
        raise MemberNotFound
    if member.to_date is not None:
        raise HouseholdEnded
    member.to_date = max(member.from_date, business_date(now))
    household.updated_at = now
    await session.flush()
    data = {"member_id": str(member_id)}
    await _record(session, household, unit, "household.left", principal=principal, now=now, data=data)
    return household


async def end(
    session: AsyncSession, *, household_id: UUID, to_date: date, principal: Principal, now: datetime
) -> Household:
    """End a household, and with it everybody's time in it.

    Raises `HouseholdNotFound`, `OutOfReach`, `HouseholdEnded`, `HouseholdPeriod`.
    """
    household, unit = await for_change(session, household_id=household_id, principal=principal)
    if household.to_date is not None:
        raise HouseholdEnded
    if to_date < household.from_date:
        raise HouseholdPeriod
    household.to_date, household.updated_at = to_date, now
    present = select(HouseholdMember).where(
        HouseholdMember.household_id == household_id, HouseholdMember.to_date.is_(None)
    )
    for member in await session.scalars(present):
        member.to_date = max(member.from_date, to_date)
    await session.flush()
    await _record(session, household, unit, "household.ended", principal=principal, now=now)
    return household


async def _join(
    session: AsyncSession,
    household: Household,
    *,
    members: Sequence[NewMember],
    from_date: date,
    principal: Principal,
) -> None:
    query = select(HouseholdMember).where(
        HouseholdMember.household_id == household.id, HouseholdMember.to_date.is_(None)
    )
    present = list(await session.scalars(query))
    for place, new in enumerate(members):
        await _known(session, new, place=place, principal=principal)
        if any(_same(new, one) for one in present):
            raise AlreadyMember
        if new.is_head:
            for one in present:
                one.is_head = False
            await session.flush()  # before the new one: there is never a moment with two
        made = HouseholdMember(
            id=uuid7(),
            household_id=household.id,
            owner_id=new.owner_id,
            contact_id=new.contact_id,
            name=new.name,
            relation=new.relation,
            is_head=new.is_head,
            from_date=max(from_date, household.from_date),
        )
        session.add(made)
        await session.flush()
        present.append(made)


def _same(new: NewMember, one: HouseholdMember) -> bool:
    if new.name is not None:
        return False
    return (new.owner_id, new.contact_id) == (one.owner_id, one.contact_id)


async def _known(session: AsyncSession, new: NewMember, *, place: int, principal: Principal) -> None:
    owner_id = new.owner_id
    if new.contact_id is not None:
        contact = await session.get(OwnerContactPerson, new.contact_id)
        if contact is None:
            raise UnknownPerson(place)
        owner_id = contact.owner_id
    if owner_id is None:
        return
    if await repository.owner(session, owner_id=owner_id, reach=sight(principal, WRITE)) is None:
        raise UnknownPerson(place)


async def _record(
    session: AsyncSession,
    household: Household,
    unit: Unit,
    kind: str,
    *,
    principal: Principal,
    now: datetime,
    data: dict[str, Any] | None = None,
) -> None:
    await timeline.record(
        session,
        kind=kind,
        subject_kind="household",
        subject_id=household.id,
        actor=principal,
        now=now,
        project_id=unit.project_id,
        rules=("OWN-10", "OWN-17"),
        data={"unit_id": str(unit.id), **(data or {})},
    )
