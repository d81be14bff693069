"""Use cases: records of one person are merged, or two that look alike are told apart (OWN-12).

A merge is not undone: the merged record stays as it was, pointing to the one that stands for it, and says what moved.
"""

from collections.abc import Collection
from datetime import datetime
from uuid import UUID

from sqlalchemy import func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from ownercare_api.core.clock import business_date
from ownercare_api.core.errors import Conflict, Invalid
from ownercare_api.core.ids import uuid7
from ownercare_api.identity.principal import OutOfReach, Principal
from ownercare_api.owners import repository
from ownercare_api.owners.merging import Move, OwnerHooks, fill, move_own
from ownercare_api.owners.models import Owner
from ownercare_api.owners.models_changes import OwnerDistinct, OwnerMerge
from ownercare_api.owners.service import MERGE, READ, OwnerMerged, OwnerNotFound, projects_of, sight
from ownercare_api.timeline import service as timeline


class SameRecord(Invalid):
    """422: a record is not merged with itself, nor told apart from itself."""

    code = "same_record"
    zh, en = "两份档案不能是同一份。", "The two records are the same one."
    rules = ("OWN-12",)


class RecordErased(Conflict):
    """409: the person's data were erased; there is nothing to merge."""

    code = "record_erased"
    zh, en = "该业主的个人信息已删除,不能合并。", "The person's data were erased; there is nothing to merge."
    rules = ("OWN-07",)


async def merge(
    session: AsyncSession,
    *,
    survivor_id: UUID,
    merged_id: UUID,
    reason: str,
    hooks: OwnerHooks,
    principal: Principal,
    now: datetime,
) -> OwnerMerge:
    """Let one record stand for another: all that points at the merged one points at the survivor afterwards.

    The caller must be allowed to merge in every project of both. Raises `SameRecord`, `OwnerNotFound`, `OwnerMerged`,
    `OutOfReach`, `RecordErased`, and what the hooks raise.
    """
    survivor, merged = await _both(session, survivor_id, merged_id, principal=principal)
    projects = await projects_of(session, owner_id=survivor_id) | await projects_of(session, owner_id=merged_id)
    if survivor.erased_at is not None or merged.erased_at is not None:
        raise RecordErased
    move = Move(survivor_id, merged_id, principal=principal, now=now, today=business_date(now))
    filled = fill(survivor, merged)
    survivor.updated_at = now
    moved = await move_own(session, move)
    for name, hook in hooks.moved.items():
        moved[name] = await hook(session, move)
    merged.merged_into, merged.merged_at, merged.updated_at = survivor_id, now, now
    # Records merged into this one earlier point straight at the one that stands for all of them.
    await session.execute(
        update(Owner)
        .where(Owner.merged_into == merged_id)
        .values(merged_into=survivor_id)
        .execution_options(synchronize_session=False)
    )
    made = OwnerMerge(
        id=uuid7(),
        survivor_id=survivor_id,
        merged_id=merged_id,
        reason=reason,
        moved={name: count for name, count in moved.items() if count},
        merged_by=principal.id,
        merged_by_name=principal.name,
        merged_at=now,
    )
    session.add(made)
    await session.flush()
    for kind, subject in (("owner.absorbed", survivor_id), ("owner.merged", merged_id)):
        await timeline.record(
            session,
            kind=kind,
            subject_kind="owner",
            subject_id=subject,
            actor=principal,
            now=now,
            project_id=min(projects, default=None),
            rules=("OWN-12",),
            data={
                "merge_id": str(made.id),
                "survivor_id": str(survivor_id),
                "merged_id": str(merged_id),
                "moved": made.moved,
                "filled": filled,
            },
        )
    return made


async def tell_apart(
    session: AsyncSession, *, owner_ids: Collection[UUID], reason: str, principal: Principal, now: datetime
) -> None:
    """Decide that two records that look alike are two people; they are not offered as duplicates again.

    Raises `SameRecord`, `OwnerNotFound`, `OwnerMerged`, `OutOfReach`.
    """
    first, second = sorted(owner_ids)
    await _both(session, first, second, principal=principal)
    statement = insert(OwnerDistinct).values(
        first_id=first,
        second_id=second,
        reason=reason,
        decided_by=principal.id,
        decided_by_name=principal.name,
        decided_at=now,
    )
    await session.execute(statement.on_conflict_do_nothing())
    await timeline.record(
        session,
        kind="owner.told_apart",
        subject_kind="owner",
        subject_id=first,
        actor=principal,
        now=now,
        project_id=min(await projects_of(session, owner_id=first), default=None),
        rules=("OWN-12",),
        data={"other_id": str(second)},
    )


async def _both(session: AsyncSession, one: UUID, other: UUID, *, principal: Principal) -> tuple[Owner, Owner]:
    """Lock two records in one order, so that two merges never wait for each other, and check who may merge them."""
    if one == other:
        raise SameRecord
    # Merges queue up here before they lock a row: one that comes too late holds nothing that others wait for while it
    # finds that its record is gone. (A case that follows a merge holds the merged record and waits for the survivor.)
    for owner_id in sorted((one, other)):
        await session.execute(select(func.pg_advisory_xact_lock(func.hashtextextended(f"owner_merge/{owner_id}", 0))))
    for owner_id in (one, other):
        await _stands(session, owner_id, principal=principal)
    found: dict[UUID, Owner | None] = {}
    for owner_id in sorted((one, other)):
        # The strongest lock: whoever writes a row that points at one of them waits.
        query = select(Owner).where(Owner.id == owner_id).with_for_update()
        found[owner_id] = await session.scalar(query.execution_options(populate_existing=True))
    records = []
    for owner_id in (one, other):
        owner = found[owner_id]
        if owner is None:
            raise OwnerNotFound
        records.append(owner)
    places = [await projects_of(session, owner_id=owner_id) for owner_id in (one, other)]
    for projects in places:
        if not any(principal.may(scope, project_id=place) for scope in (READ, MERGE) for place in [*projects, None]):
            raise OwnerNotFound
    for projects in places:
        if not all(principal.may(MERGE, project_id=place) for place in projects or [None]):
            raise OutOfReach
    return records[0], records[1]


async def _stands(session: AsyncSession, owner_id: UUID, *, principal: Principal) -> None:
    """Raise `OwnerMerged` for a record that was merged, `OwnerNotFound` where the caller may not know."""
    if await session.scalar(select(Owner.merged_into).where(Owner.id == owner_id)) is None:
        return
    seen = await repository.survivor_of(session, owner_id=owner_id, reach=sight(principal, MERGE))
    if seen is None:
        raise OwnerNotFound
    raise OwnerMerged(headers={"Location": f"/v1/owners/{seen}"})
