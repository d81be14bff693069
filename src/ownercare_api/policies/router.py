"""The policy values: the catalogue, what was published, what is in force, publishing."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query, Response
from sqlalchemy import ColumnElement

from ownercare_api.core.http.etag import put_version
from ownercare_api.core.http.paging import PageOf, PageParams
from ownercare_api.core.http.route import OwnerCareRoute
from ownercare_api.core.http.state import AppState, Now, State
from ownercare_api.core.http.transaction import Reader, Tx
from ownercare_api.core.listing import newest_first
from ownercare_api.core.wire import Instant
from ownercare_api.identity.declaring import creates, lists, reads
from ownercare_api.identity.principal import OutOfReach, Principal
from ownercare_api.policies import repository, service
from ownercare_api.policies.access import PoliciesPublish, PoliciesRead
from ownercare_api.policies.catalogue import CATALOGUE, InvalidPolicy, PolicyKey, ValueKind
from ownercare_api.policies.models import PolicyLevel
from ownercare_api.policies.schemas import (
    PolicyInForceRead,
    PolicyKeyRead,
    PolicySnapshotRead,
    PolicyVersionCreate,
    PolicyVersionRead,
)
from ownercare_api.policies.service import (
    BackdatedPolicy,
    NoPolicy,
    NothingPublished,
    OwnLimit,
    PolicyNotFound,
    PolicyTargetNotFound,
    ProjectTree,
)

router = APIRouter(prefix="/v1", tags=["policies"], route_class=OwnerCareRoute)

READ = "policies:read"
_UNCHANGING = 1
"""What is published never changes, so its version for the `ETag` does not either."""
_NUMBERS = (ValueKind.INTEGER, ValueKind.FEN, ValueKind.OPTIONAL_FEN, ValueKind.PERCENT)


def _key(entry: PolicyKey) -> PolicyKeyRead:
    numeric = entry.kind in _NUMBERS
    return PolicyKeyRead(
        key=entry.key,
        name=entry.zh,
        kind=entry.kind,
        unit=entry.unit,
        minimum=entry.minimum if numeric else None,
        maximum=entry.maximum if numeric else None,
        rules=list(entry.rules),
        factory=entry.factory,
        blank=entry.blank,
    )


def _version(columns: Mapping[Any, Any], *, now: datetime) -> PolicyVersionRead:
    return PolicyVersionRead(**columns, version=_UNCHANGING, effective=columns["effective_from"] <= now)


def _sources(known: Mapping[str, str]) -> dict[str, str]:
    return {key: known.get(key, "factory") for key in CATALOGUE}


async def _visible(connection: repository.Connection, *, state: AppState, principal: Principal) -> ColumnElement[bool]:
    reach = principal.reach(READ)
    regions: set[UUID] = set()
    if reach.projects and not reach.everywhere:
        tree: ProjectTree = state.parts[ProjectTree]
        places = await tree.places(connection, PolicyLevel.GROUP, None)
        regions = {place.region_id for place in places if place.project_id in reach.projects}
    return repository.visible_versions(reach, regions=regions)


@router.get(
    "/policies/catalogue",
    **reads(
        "policies_catalogue_list",
        "Every policy value there is (政策项目录)",
        rules=("ADM-08",),
        model=list[PolicyKeyRead],
    ),
)
async def policies_catalogue_list(principal: PoliciesRead) -> list[PolicyKeyRead]:
    """Key, Chinese name, type, unit, bounds, rules, factory value, and whether the regulation leaves it blank."""
    return [_key(entry) for entry in CATALOGUE.values()]


@router.get(
    "/policies/in-force",
    **reads(
        "policies_in_force_read",
        "What is in force for a project (项目现行政策)",
        PolicyTargetNotFound,
        NoPolicy,
        rules=("ADM-08",),
        model=PolicyInForceRead,
    ),
)
async def policies_in_force_read(
    principal: PoliciesRead,
    reader: Reader,
    state: State,
    now: Now,
    project_id: UUID,
    at: Annotated[Instant | None, Query(description="another instant than now, past or to come")] = None,
) -> PolicyInForceRead:
    """Every value with the version that set it; a project's own wins over its region's, a region's over the group's.
    Cases that began under other values keep them: ask their snapshot."""
    if not principal.may(READ, project_id=project_id):
        raise PolicyTargetNotFound
    tree: ProjectTree = state.parts[ProjectTree]
    await tree.places(reader, PolicyLevel.PROJECT, project_id)
    asked = at or now
    row = await repository.in_force(reader, project_id=project_id, at=asked)
    if row is None:
        raise NoPolicy
    found = service.remember(row.id, row._mapping["values"], row.sources)
    return PolicyInForceRead(
        project_id=project_id,
        at=asked,
        effective_from=row.effective_from,
        policy_snapshot_id=found.id,
        values=dict(found.values),
        sources=_sources(found.sources),
        unconfirmed=service.unconfirmed(found),
    )


@router.get(
    "/policies",
    **lists(
        "policies_list",
        "Published versions (政策发布记录)",
        rules=("ADM-08",),
        model=PageOf[PolicyVersionRead],
    ),
)
async def policies_list(
    principal: PoliciesRead,
    reader: Reader,
    state: State,
    now: Now,
    paging: PageParams,
    level: PolicyLevel | None = None,
    target_id: UUID | None = None,
    effective: Annotated[bool | None, Query(description="true: has taken effect; false: scheduled")] = None,
) -> Response:
    """Newest first: the group's versions, and those of your regions and projects."""
    visible = await _visible(reader, state=state, principal=principal)
    query = repository.versions(visible=visible, level=level, target_id=target_id, effective=effective, now=now)
    page = await newest_first(reader, query=query, key=repository.V.id, wanted=paging.wanted)
    return paging.answer(page, show=lambda row: _version(row._mapping, now=now))


@router.get(
    "/policies/{policy_id}",
    **reads(
        "policies_read", "One published version (政策版本)", PolicyNotFound, rules=("ADM-08",), model=PolicyVersionRead
    ),
)
async def policies_read(
    principal: PoliciesRead, reader: Reader, state: State, now: Now, response: Response, policy_id: UUID
) -> PolicyVersionRead:
    """What the version sets, from when on, who published it and why."""
    visible = await _visible(reader, state=state, principal=principal)
    row = await repository.version(reader, version_id=policy_id, visible=visible)
    if row is None:
        raise PolicyNotFound
    put_version(response, _UNCHANGING)
    return _version(row._mapping, now=now)


@router.get(
    "/policy-snapshots/{snapshot_id}",
    **reads(
        "policy_snapshots_read",
        "The values that a case keeps (政策快照)",
        PolicyNotFound,
        rules=("ADM-08",),
        model=PolicySnapshotRead,
    ),
)
async def policy_snapshots_read(
    principal: PoliciesRead, reader: Reader, response: Response, snapshot_id: UUID
) -> PolicySnapshotRead:
    """Every deadline and every approval route points here: the values it was computed from, and who set them."""
    row = await repository.snapshot(reader, snapshot_id=snapshot_id, reach=principal.reach(READ))
    if row is None:
        raise PolicyNotFound
    put_version(response, _UNCHANGING)
    values, sources = row._mapping["values"], row._mapping["sources"]
    return PolicySnapshotRead(
        id=row.id, version=_UNCHANGING, values=values, sources=_sources(sources), created_at=row.created_at
    )


@router.post(
    "/policies",
    **creates(
        "policies_create",
        "Publish values (发布政策值)",
        OutOfReach,
        OwnLimit,
        PolicyTargetNotFound,
        InvalidPolicy,
        BackdatedPolicy,
        NothingPublished,
        rules=("ADM-08",),
        model=PolicyVersionRead,
    ),
)
async def policies_create(
    principal: PoliciesPublish, session: Tx, state: State, now: Now, response: Response, body: PolicyVersionCreate
) -> PolicyVersionRead:
    """Takes effect at once or at a later time, never in the past; running cases keep the values they started under. A
    publisher for the group needs the permission company-wide, for a region or project there."""
    found = await service.publish(
        session,
        level=body.level,
        target_id=body.target_id,
        values=body.values,
        effective_from=body.effective_from or now,
        reason=body.reason,
        tree=state.parts[ProjectTree],
        actor=principal,
        now=now,
    )
    response.headers["Location"] = f"/v1/policies/{found.id}"
    put_version(response, _UNCHANGING)
    return _version({column.name: getattr(found, column.name) for column in repository.V}, now=now)
