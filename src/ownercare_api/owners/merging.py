"""What points at a record moves to the one that stands for it: this room's own rows (OWN-12).

Rooms above move theirs in the same transaction through `OwnerHooks`. Looks, disclosures, records of sharing and earlier
merges are history and stay where they are: reading them asks for the records that were merged, too.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import and_, delete, func, or_, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from ownercare_api.identity import service as identity
from ownercare_api.identity.principal import Principal
from ownercare_api.owners.models import Owner, OwnerPhone, Ownership
from ownercare_api.owners.models_changes import InformationAudit, OwnerChange, OwnerDistinct
from ownercare_api.owners.models_records import (
    Consent,
    HouseholdMember,
    OwnerContactPerson,
    OwnerGroupMember,
    OwnerTagging,
)


@dataclass(frozen=True, slots=True)
class Move:
    """One record takes the place of another."""

    survivor_id: UUID
    merged_id: UUID
    principal: Principal
    now: datetime
    today: date


OwnerMoved = Callable[[AsyncSession, Move], Awaitable[int]]
"""Moves a room's rows from `merged_id` to `survivor_id`; returns how many."""


@dataclass(frozen=True, slots=True)
class OwnerHooks:
    """Who is told of a merge, by the name of what they move; the composition root plugs it in."""

    moved: dict[str, OwnerMoved]


async def move_own(session: AsyncSession, move: Move) -> dict[str, int]:
    """Move everything of this room; returns how many rows of each kind moved."""
    return {
        "phones": await _phones(session, move),
        "ownerships": await _all(session, Ownership, move, versioned=True),
        "contacts": await _all(session, OwnerContactPerson, move, versioned=True),
        "households": await _memberships(session, HouseholdMember, HouseholdMember.household_id, move),
        "groups": await _memberships(session, OwnerGroupMember, OwnerGroupMember.group_id, move),
        "tags": await _tags(session, move),
        "consents": await _all(session, Consent, move),
        "change_requests": await _all(session, OwnerChange, move, versioned=True),
        "information_audits": await _all(session, InformationAudit, move),
        "distinctions": await _distinctions(session, move),
    }


def fill(survivor: Owner, merged: Owner) -> list[str]:
    """Give the surviving record what it lacks and the other has; returns the names of the fields.

    Nothing is overwritten: what differs stays in the merged record.
    """
    filled = []
    if survivor.document_encrypted is None and merged.document_encrypted is not None:
        for name in ("document_kind", "document_encrypted", "document_index", "document_masked"):
            setattr(survivor, name, getattr(merged, name))
        filled.append("document")
    for name in (
        "sex", "birth_date", "home_address_encrypted", "occupation", "special_needs", "preferred_channel",
        "preferred_times", "language", "purchase_need", "preferences",
    ):  # fmt: skip
        if getattr(survivor, name) is None and getattr(merged, name) is not None:
            setattr(survivor, name, getattr(merged, name))
            filled.append(name.removesuffix("_encrypted"))
    for name in ("preferences", "special_needs"):
        mine, other = getattr(survivor, name), getattr(merged, name)
        if mine is not None and other is not None and other not in mine:
            setattr(survivor, name, f"{mine}\n{other}")
            filled.append(name)
    if merged.restricted_at is not None:  # whoever asked for it, asked for himself
        survivor.restricted_at = min(survivor.restricted_at or merged.restricted_at, merged.restricted_at)
    return filled


async def _all(session: AsyncSession, model: Any, move: Move, *, versioned: bool = False) -> int:
    values: dict[str, Any] = {"owner_id": move.survivor_id}
    if versioned:
        values |= {"version": model.version + 1, "updated_at": move.now}
    done = await session.execute(update(model).where(model.owner_id == move.merged_id).values(values))
    return _count(done)


async def _phones(session: AsyncSession, move: Move) -> int:
    """A number that both have is kept once; the survivor's primary number stays it.

    Only with a number that both had one logs in afterwards: one colleague merges, and otherwise could make himself the
    owner by a record with his own number. The others wait until a second person has verified them (OWN-05).
    """
    held = {
        phone.number_index: phone
        for phone in await session.scalars(select(OwnerPhone).where(OwnerPhone.owner_id == move.survivor_id))
    }
    moved, shared = 0, set()
    primary = any(phone.is_primary for phone in held.values())
    for phone in await session.scalars(
        select(OwnerPhone).where(OwnerPhone.owner_id == move.merged_id).order_by(OwnerPhone.id)
    ):
        twin = held.get(phone.number_index)
        if twin is not None:
            shared.add(twin.id)
            twin.label = twin.label or phone.label
            await session.delete(phone)
        else:
            phone.owner_id = move.survivor_id
            phone.is_primary, phone.may_log_in = phone.is_primary and not primary, False
        moved += 1
    for phone in held.values():
        phone.may_log_in = phone.may_log_in and phone.id in shared
    await identity.end_owner_logins(session, owner_id=move.survivor_id, now=move.now, because="owner_merged")
    await session.flush()
    return moved


async def _memberships(session: AsyncSession, model: Any, place: Any, move: Move) -> int:
    """Nobody is in the same household or group twice at a time: there the merged record's time ends today."""
    twin = aliased(model)
    both = select(model.id).where(
        model.owner_id == move.merged_id,
        model.to_date.is_(None),
        select(twin.id)
        .where(getattr(twin, place.key) == place, twin.owner_id == move.survivor_id, twin.to_date.is_(None))
        .exists(),
    )
    doubles = list(await session.scalars(both))
    if doubles:
        heads = [one for one in doubles if model is HouseholdMember]
        ended = update(model).where(model.id.in_(doubles))
        await session.execute(ended.values(to_date=func.greatest(model.from_date, move.today)))
        if heads:
            await _keep_heads(session, heads, move)
    return await _all(session, model, move)


async def _keep_heads(session: AsyncSession, ended: list[UUID], move: Move) -> None:
    """Where the merged record was the head of a household, the surviving one is it."""
    led = select(HouseholdMember.household_id).where(HouseholdMember.id.in_(ended), HouseholdMember.is_head)
    await session.execute(
        update(HouseholdMember)
        .where(
            HouseholdMember.household_id.in_(led),
            HouseholdMember.owner_id == move.survivor_id,
            HouseholdMember.to_date.is_(None),
        )
        .values(is_head=True)
        .execution_options(synchronize_session=False)
    )


async def _tags(session: AsyncSession, move: Move) -> int:
    held = select(OwnerTagging.tag_id).where(OwnerTagging.owner_id == move.survivor_id)
    mine = OwnerTagging.owner_id == move.merged_id
    await session.execute(
        delete(OwnerTagging).where(mine, OwnerTagging.tag_id.in_(held)).execution_options(synchronize_session=False)
    )
    done = await session.execute(
        update(OwnerTagging).where(mine).values(owner_id=move.survivor_id).execution_options(synchronize_session=False)
    )
    return _count(done)


async def _distinctions(session: AsyncSession, move: Move) -> int:
    """Who was told apart from the merged record is now told apart from the surviving one."""
    mine = or_(OwnerDistinct.first_id == move.merged_id, OwnerDistinct.second_id == move.merged_id)
    rows = (await session.execute(select(*OwnerDistinct.__table__.c).where(mine))).all()
    await session.execute(
        delete(OwnerDistinct).where(
            or_(
                mine,
                and_(
                    OwnerDistinct.first_id == min(move.survivor_id, move.merged_id),
                    OwnerDistinct.second_id == max(move.survivor_id, move.merged_id),
                ),
            )
        )
    )
    for row in rows:
        other = row.second_id if row.first_id == move.merged_id else row.first_id
        if other == move.survivor_id:
            continue
        fields = dict(row._mapping) | {
            "first_id": min(other, move.survivor_id),
            "second_id": max(other, move.survivor_id),
        }
        await session.execute(insert(OwnerDistinct).values(**fields).on_conflict_do_nothing())
    return len(rows)


def _count(done: Any) -> int:
    return int(done.rowcount)
