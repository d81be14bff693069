"""Possible duplicates, what is told apart, and merges."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query, Response

from ownercare_api.core.http.paging import PageOf, PageParams
from ownercare_api.core.http.route import OwnerCareRoute
from ownercare_api.core.http.state import Now, State
from ownercare_api.core.http.transaction import Reader, Tx
from ownercare_api.core.listing import newest_first
from ownercare_api.core.pagination import cut
from ownercare_api.owners import looks, merges, restriction, views
from ownercare_api.owners import repository as records
from ownercare_api.owners import repository_changes as repository
from ownercare_api.owners.access import OwnersMerge
from ownercare_api.owners.looks import Look
from ownercare_api.owners.merging import OwnerHooks
from ownercare_api.owners.models import Owner
from ownercare_api.owners.models_changes import OwnerMerge
from ownercare_api.owners.router_parts import reads, writes
from ownercare_api.owners.schemas_changes import (
    DistinctionCreate,
    DistinctionRead,
    MergeCreate,
    MergeRead,
    PairRead,
)
from ownercare_api.owners.service import MERGE

router = APIRouter(prefix="/v1", tags=["owners"], route_class=OwnerCareRoute)

_RULES = ("OWN-11", "OWN-12")


@router.get(
    "/owner-duplicates",
    **reads(
        "owner_duplicates_list",
        "Records that may be one person (疑似重复档案)",
        rules=_RULES,
        model=PageOf[PairRead],
        paged=True,
    ),
)
async def owner_duplicates_list(
    principal: OwnersMerge,
    reader: Reader,
    now: Now,
    paging: PageParams,
    owner_id: Annotated[UUID | None, Query(description="one of the two is this record")] = None,
    project_id: Annotated[UUID | None, Query(description="one of the two has or had a home there")] = None,
) -> Response:
    """Pairs of records in the caller's reach with the same document, with the same number and reading of the name, or
    with the same reading of the name and birth date. What was told apart is not offered again."""
    reach, wanted = principal.reach(MERGE), paging.wanted
    query = repository.duplicates(
        reach, owner_id=owner_id, project_id=project_id, after=wanted.after, limit=wanted.limit
    )
    rows = (await reader.execute(query)).all()
    page = cut(rows, limit=wanted.limit, key=lambda row: (row.first_id, row.second_id))
    ids = sorted({one for row in page.items for one in (row.first_id, row.second_id)})
    found = (await reader.execute(records.owners(reach).where(Owner.id.in_(ids)))).all() if ids else []
    homes = views.homes_by_owner(await records.homes(reader, owner_ids=ids, reach=reach) if ids else [])
    seen = restriction.may_see(principal)
    shown = {row.id: views.summary(row, homes=homes[row.id], seen=seen) for row in found}
    await looks.record(reader, owner_ids=ids, actor=principal, look=Look.DUPLICATE, now=now)
    return paging.answer(page, show=lambda row: _pair(row, shown))


@router.post(
    "/owner-distinctions",
    **writes(
        "owner_distinctions_create",
        "Tell two records apart (判定非重复)",
        merges.SameRecord,
        rules=_RULES,
        model=DistinctionRead,
    ),
)
async def owner_distinctions_create(
    principal: OwnersMerge, session: Tx, now: Now, body: DistinctionCreate
) -> DistinctionRead:
    """The two look alike and are two people: they are not offered as duplicates again."""
    await merges.tell_apart(session, owner_ids=body.owner_ids, reason=body.reason, principal=principal, now=now)
    return DistinctionRead(owner_ids=sorted(body.owner_ids), reason=body.reason)


@router.get(
    "/owner-merges",
    **reads("owner_merges_list", "Merges (档案合并记录)", rules=_RULES, model=PageOf[MergeRead], paged=True),
)
async def owner_merges_list(principal: OwnersMerge, reader: Reader, paging: PageParams) -> Response:
    """Which records were merged into records in the caller's reach, newest first: why, by whom, and what moved."""
    query = repository.merges(principal.reach(MERGE))
    page = await newest_first(reader, query=query, key=OwnerMerge.__table__.c.id, wanted=paging.wanted)
    return paging.answer(page, show=lambda row: dict(row._mapping))


@router.post(
    "/owner-merges",
    **writes(
        "owner_merges_create",
        "Merge two records (合并重复档案)",
        merges.SameRecord,
        merges.RecordErased,
        rules=_RULES,
        model=MergeRead,
    ),
)
async def owner_merges_create(
    principal: OwnersMerge, session: Tx, state: State, now: Now, response: Response, body: MergeCreate
) -> MergeRead:
    """All that points at the merged record (homes, numbers, contacts, cases, consents, login …) points at the survivor
    afterwards; gaps of the survivor are filled, nothing is overwritten, and the merged record keeps the past. Its id
    keeps leading to the survivor. Needs the permission in every project of both; there is no undoing."""
    made = await merges.merge(session, **body.model_dump(), hooks=state.parts[OwnerHooks], principal=principal, now=now)
    response.headers["Location"] = f"/v1/owners/{made.survivor_id}"
    return MergeRead.model_validate(made)


def _pair(row: Any, shown: dict[UUID, dict[str, Any]]) -> dict[str, Any]:
    return {"owners": [shown[row.first_id], shown[row.second_id]], "reasons": sorted(row.reasons)}
