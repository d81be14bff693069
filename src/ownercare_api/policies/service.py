"""Use cases of the policy: what is in force for a project, and publishing a version (ADM-08)."""

import hashlib
import json
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import delete, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

from ownercare_api.core.database import Database
from ownercare_api.core.errors import Conflict, FieldError, Forbidden, Invalid, NotFound
from ownercare_api.core.ids import uuid7
from ownercare_api.identity.principal import OutOfReach, Principal
from ownercare_api.policies.catalogue import CATALOGUE, FACTORY, check_together, check_values
from ownercare_api.policies.models import PolicyInForce, PolicyLevel, PolicySnapshot, PolicyVersion
from ownercare_api.timeline import service as timeline


class NoPolicy(Conflict):
    """409: the project has no policy in force at that time."""

    code = "no_policy_in_force"
    zh = "该项目在此时间没有生效的政策。"
    en = "The project has no policy in force at that time."
    rules = ("ADM-08",)


class BackdatedPolicy(Invalid):
    """422: a version can't take effect in the past."""

    code = "backdated_policy"
    zh = "政策不能追溯生效:生效时间不得早于发布时间。"
    en = "A policy can't take effect before it is published."
    rules = ("ADM-08",)


class PolicyTargetNotFound(NotFound):
    """404: there is no such region or project, or it is not visible to the caller."""

    code = "policy_target_not_found"
    zh, en = "没有此区域公司或项目,或您无权查看。", "There is no such region or project, or you may not see it."


class PolicyNotFound(NotFound):
    """404: no such published version or snapshot, or not visible to the caller."""

    code = "policy_not_found"
    zh, en = "没有此政策版本,或您无权查看。", "There is no such policy version, or you may not see it."


class NothingPublished(Invalid):
    """422: a version holds at least one value."""

    code = "nothing_published"
    zh, en = "发布的政策至少要有一个值。", "A version holds at least one value."
    rules = ("ADM-08",)


class OwnLimit(Forbidden):
    """403: nobody raises the limit of what they decide themselves (reading 10)."""

    code = "own_limit"
    zh = "该值是您本人审批或审核权限的限额,须由上级发布。"
    en = "This value limits your own authority to approve or audit; somebody above you publishes it."
    rules = ("ADM-08", "ORG-10")


_LIMITS = {
    "approval.department_manager_max_fen": frozenset({"approvals:decide:department_manager"}),
    "approval.deputy_general_manager_max_fen": frozenset({"approvals:decide:deputy_general_manager"}),
    "audit.department_threshold_fen": frozenset({"accounts:audit:customer_service"}),
    "privacy.unmask_per_hour": frozenset({"owners:disclose", "contractors:disclose"}),
    "privacy.export_row_cap": frozenset({"owners:export"}),
}
"""Values that limit what the holder of one of these scopes may do alone."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Merged policy values that a case keeps; `sources` names the version behind each published value."""

    id: UUID
    values: Mapping[str, Any]
    sources: Mapping[str, str]

    def integer(self, key: str) -> int:
        """Return a whole number: days, hours, counts, fen."""
        value = self.values[key]
        assert isinstance(value, int)
        return value

    def optional_fen(self, key: str) -> int | None:
        """Return a limit in fen, or None where it is unset."""
        value = self.values[key]
        assert value is None or isinstance(value, int)
        return value


_known: dict[UUID, Snapshot] = {}
"""Snapshots never change, so a process keeps every one it has read."""


def remember(snapshot_id: UUID, values: Mapping[str, Any], sources: Mapping[str, str]) -> Snapshot:
    """Keep a snapshot that was read together with something else."""
    found = _known.get(snapshot_id)
    if found is None:
        found = _known[snapshot_id] = Snapshot(snapshot_id, values, sources)
    return found


def known(snapshot_id: UUID) -> Snapshot | None:
    """Return a snapshot if this process has it already."""
    return _known.get(snapshot_id)


async def snapshot(connection: AsyncConnection | AsyncSession, *, snapshot_id: UUID) -> Snapshot:
    """Return a snapshot by id."""
    found = _known.get(snapshot_id)
    if found is None:
        table = PolicySnapshot.__table__.c
        row = (await connection.execute(select(table["values"], table.sources).where(table.id == snapshot_id))).one()
        found = remember(snapshot_id, row[0], row[1])
    return found


async def snapshots(
    connection: AsyncConnection | AsyncSession, *, snapshot_ids: Collection[UUID]
) -> dict[UUID, Snapshot]:
    """Return some snapshots by id; one statement for those that this process has not read yet."""
    missing = [snapshot_id for snapshot_id in snapshot_ids if snapshot_id not in _known]
    if missing:
        table = PolicySnapshot.__table__.c
        query = select(table.id, table["values"], table.sources).where(table.id.in_(missing))
        for row in await connection.execute(query):
            remember(row[0], row[1], row[2])
    return {snapshot_id: _known[snapshot_id] for snapshot_id in snapshot_ids}


async def snapshot_of(database: Database, *, snapshot_id: UUID) -> Snapshot:
    """Return a snapshot by id, opening a connection only where this process has not read it yet."""
    found = _known.get(snapshot_id)
    if found is None:
        async with database.reader() as connection:
            found = await snapshot(connection, snapshot_id=snapshot_id)
    return found


def in_force_id(project_id: Any, *, at: Any) -> Any:
    """Return the scalar subquery of the snapshot in force for a project at an instant."""
    return (
        select(PolicyInForce.snapshot_id)
        .where(PolicyInForce.project_id == project_id, PolicyInForce.effective_from <= at)
        .order_by(PolicyInForce.effective_from.desc())
        .limit(1)
        .scalar_subquery()
    )


async def in_force(connection: AsyncConnection | AsyncSession, *, project_id: UUID, at: datetime) -> Snapshot:
    """Return the policy in force for a project; raises `NoPolicy`."""
    snapshot_id = (await connection.execute(select(in_force_id(project_id, at=at)))).scalar()
    if snapshot_id is None:
        raise NoPolicy
    return await snapshot(connection, snapshot_id=snapshot_id)


@dataclass(frozen=True, slots=True)
class ProjectPlace:
    """A project and the region above it, as `properties` knows them."""

    project_id: UUID
    region_id: UUID


@dataclass(frozen=True, slots=True)
class ProjectTree:
    """Which projects a level reaches: the group all, a region its own, a project itself.

    `properties` knows it and is plugged in by the composition roots; it raises `PolicyTargetNotFound`.
    """

    places: Callable[[AsyncConnection | AsyncSession, PolicyLevel, UUID | None], Awaitable[list[ProjectPlace]]]


PUBLISH = "policies:publish"


async def publish(
    session: AsyncSession,
    *,
    level: PolicyLevel,
    target_id: UUID | None,
    values: Mapping[str, Any],
    effective_from: datetime,
    reason: str,
    tree: ProjectTree,
    actor: Principal,
    now: datetime,
) -> PolicyVersion:
    """Publish values for the group, a region or a project; what that level published before stays in force beside them.

    Running cases keep the snapshot they started under. The actor's reach of `policies:publish` must cover the target.
    Raises `NothingPublished`, `OwnLimit`, `InvalidPolicy`, `BackdatedPolicy`, `PolicyTargetNotFound`, `OutOfReach`.
    """
    if not values:
        raise NothingPublished
    if any(_LIMITS.get(key, frozenset()) & actor.scopes for key in values):
        raise OwnLimit
    check_values(values)
    if (level is PolicyLevel.GROUP) != (target_id is None):
        fault = FieldError(
            "#/target_id", "mismatch", "集团级不带对象,其他级别必须带。", "Only the group has no target."
        )
        raise Invalid(errors=(fault,))
    if effective_from < now:
        raise BackdatedPolicy
    await _one_at_a_time(session)
    places = await tree.places(session, level, target_id)
    _require_reach(actor, level=level, places=places)
    last = await session.scalar(
        select(func.max(PolicyVersion.number)).where(
            PolicyVersion.level == level, PolicyVersion.target_id.is_not_distinct_from(target_id)
        )
    )
    version = PolicyVersion(
        id=uuid7(),
        level=level,
        target_id=target_id,
        number=(last or 0) + 1,
        values=dict(values),
        effective_from=effective_from,
        published_by=actor.id,
        published_at=now,
        reason=reason,
    )
    session.add(version)
    await session.flush()
    versions = await _all_versions(session)
    # The level by itself too: a contradiction must not wait for the first project.
    _check_level(versions, level=level, target_id=target_id, since=effective_from)
    for place in places:
        await _rebuild(session, place=place, versions=versions, since=effective_from, now=now)
    await timeline.record(
        session,
        kind="policy.published",
        subject_kind="policy_version",
        subject_id=version.id,
        actor=actor,
        now=now,
        project_id=target_id if level is PolicyLevel.PROJECT else None,
        rules=("ADM-08",),
        data={
            "level": level.value,
            "target_id": str(target_id) if target_id else None,
            "number": version.number,
            "effective_from": effective_from.isoformat(),
            "keys": sorted(values),
        },
    )
    return version


async def open_project(session: AsyncSession, *, place: ProjectPlace, now: datetime) -> None:
    """Give a new project the policy of its region and group, from now on."""
    await _one_at_a_time(session)
    await _rebuild(session, place=place, versions=await _all_versions(session), since=now, now=now)


async def _one_at_a_time(session: AsyncSession) -> None:
    """Wait for other publications and openings: each rebuilds what is in force from all versions and projects."""
    await session.execute(select(func.pg_advisory_xact_lock(func.hashtext("policy_publish"))))


def _require_reach(actor: Principal, *, level: PolicyLevel, places: Sequence[ProjectPlace]) -> None:
    reach = actor.reach(PUBLISH)
    if reach.everywhere:
        return
    if level is PolicyLevel.GROUP or not places or any(place.project_id not in reach.projects for place in places):
        raise OutOfReach


async def _all_versions(session: AsyncSession) -> list[PolicyVersion]:
    query = select(PolicyVersion).order_by(PolicyVersion.effective_from, PolicyVersion.number)
    return list(await session.scalars(query))


async def _rebuild(
    session: AsyncSession, *, place: ProjectPlace, versions: Sequence[PolicyVersion], since: datetime, now: datetime
) -> None:
    """Write anew what is in force for a project from `since` on. Rows before it stay; cases point at snapshots."""
    over = _over(versions, project_id=place.project_id, region_id=place.region_id)
    await session.execute(
        delete(PolicyInForce).where(PolicyInForce.project_id == place.project_id, PolicyInForce.effective_from >= since)
    )
    for point in _points(over, since=since):
        values, sources = _merged(over, at=point)
        check_together(values)
        kept = await _kept(session, values=values, sources=sources, now=now)
        session.add(PolicyInForce(id=uuid7(), project_id=place.project_id, snapshot_id=kept, effective_from=point))
    await session.flush()


def _over(versions: Iterable[PolicyVersion], *, project_id: UUID | None, region_id: UUID | None) -> list[PolicyVersion]:
    """Return the versions that reach a project, in order of effect."""
    targets = {PolicyLevel.GROUP: None, PolicyLevel.REGION: region_id, PolicyLevel.PROJECT: project_id}
    return [
        version
        for version in versions
        if version.level is PolicyLevel.GROUP
        or (version.target_id is not None and version.target_id == targets[version.level])
    ]


def _points(versions: Iterable[PolicyVersion], *, since: datetime) -> list[datetime]:
    """Return the instants from `since` on at which something changes."""
    return sorted({since} | {version.effective_from for version in versions if version.effective_from > since})


def _merged(versions: Sequence[PolicyVersion], *, at: datetime) -> tuple[dict[str, Any], dict[str, str]]:
    """Return values and sources in force at an instant; the nearer level wins, within a level the later effect."""
    values: dict[str, Any] = dict(FACTORY)
    sources: dict[str, str] = {}
    for level in (PolicyLevel.GROUP, PolicyLevel.REGION, PolicyLevel.PROJECT):
        for version in versions:
            if version.level is level and version.effective_from <= at:
                values.update(version.values)
                sources.update(dict.fromkeys(version.values, str(version.id)))
    return values, sources


def _check_level(
    versions: Sequence[PolicyVersion], *, level: PolicyLevel, target_id: UUID | None, since: datetime
) -> None:
    """Raise `InvalidPolicy` where the values of a level contradict each other, whether or not it has projects yet."""
    if level is PolicyLevel.PROJECT:  # its own rebuild checks it
        return
    over = _over(versions, project_id=None, region_id=target_id)
    for point in _points(over, since=since):
        check_together(_merged(over, at=point)[0])


async def _kept(session: AsyncSession, *, values: dict[str, Any], sources: dict[str, str], now: datetime) -> UUID:
    digest = hashlib.sha256(json.dumps([values, sources], sort_keys=True).encode()).hexdigest()
    await session.execute(
        insert(PolicySnapshot)
        .values(id=uuid7(), digest=digest, values=values, sources=sources, created_at=now)
        .on_conflict_do_nothing(index_elements=[PolicySnapshot.digest])
    )
    return (await session.scalars(select(PolicySnapshot.id).where(PolicySnapshot.digest == digest))).one()


def unconfirmed(found: Snapshot) -> list[str]:
    """Return the keys that the regulation leaves blank and that nobody has published."""
    return [key for key, entry in CATALOGUE.items() if entry.blank and key not in found.sources]
