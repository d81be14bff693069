"""Groups and tags of owners."""

from uuid import UUID

from fastapi import APIRouter, Response

from ownercare_api.core.http.etag import IfMatch, put_version
from ownercare_api.core.http.paging import PageOf, PageParams
from ownercare_api.core.http.route import OwnerCareRoute
from ownercare_api.core.http.state import Now
from ownercare_api.core.http.transaction import Reader, Tx
from ownercare_api.core.listing import newest_first
from ownercare_api.identity.principal import Reach
from ownercare_api.owners import groups, looks, service
from ownercare_api.owners import repository_records as records
from ownercare_api.owners.access import OwnersRead, OwnersWrite
from ownercare_api.owners.groups import GroupNotFound, TagNotFound
from ownercare_api.owners.looks import Look
from ownercare_api.owners.models_records import OwnerGroup, OwnerGroupMember, OwnerTag
from ownercare_api.owners.router_parts import patches, reads, writes
from ownercare_api.owners.schemas_records import (
    GroupAssign,
    GroupCreate,
    GroupRead,
    GroupUpdate,
    MembershipRead,
    TagAssign,
    TagCreate,
    TagRead,
    TagsRead,
    TagUpdate,
)
from ownercare_api.owners.service import READ, OwnerNotFound
from ownercare_api.properties.service import ProjectNotFound

router = APIRouter(prefix="/v1", tags=["owners"], route_class=OwnerCareRoute)

_RULES = ("OWN-09",)


@router.get(
    "/owner-groups",
    **reads("owner_groups_list", "Groups of owners (业主分组)", rules=_RULES, model=PageOf[GroupRead], paged=True),
)
async def owner_groups_list(principal: OwnersRead, reader: Reader, paging: PageParams) -> Response:
    """The groups that the caller may see: of every project or of his own, and open to one of his roles."""
    query = records.groups(principal, principal.reach(READ))
    page = await newest_first(reader, query=query, key=OwnerGroup.__table__.c.id, wanted=paging.wanted)
    return paging.answer(page, show=lambda row: dict(row._mapping))


@router.post(
    "/owner-groups",
    **writes(
        "owner_groups_create",
        "Define a group (新建分组)",
        ProjectNotFound,
        groups.UnknownRole,
        groups.CodeTaken,
        rules=_RULES,
        model=GroupRead,
    ),
)
async def owner_groups_create(
    principal: OwnersWrite, session: Tx, now: Now, response: Response, body: GroupCreate
) -> GroupRead:
    """A group for targeted service: of one project, or of every project for who reaches everywhere."""
    made = await groups.define(session, **body.model_dump(), principal=principal, now=now)
    response.headers["Location"] = f"/v1/owner-groups/{made.id}"
    return _group(response, made)


@router.get(
    "/owner-groups/{group_id}",
    **reads("owner_groups_read", "A group of owners (分组详情)", GroupNotFound, rules=_RULES, model=GroupRead),
)
async def owner_groups_read(principal: OwnersRead, reader: Reader, response: Response, group_id: UUID) -> GroupRead:
    """One group. Its owners: `GET /v1/owners?group_id=`."""
    query = records.groups(principal, principal.reach(READ)).where(OwnerGroup.id == group_id)
    row = (await reader.execute(query)).one_or_none()
    if row is None:
        raise GroupNotFound
    put_version(response, row.version)
    return GroupRead.model_validate(row)


@router.patch(
    "/owner-groups/{group_id}",
    **patches(
        "owner_groups_update",
        "Change a group (修改分组)",
        GroupNotFound,
        groups.UnknownRole,
        rules=_RULES,
        model=GroupRead,
    ),
)
async def owner_groups_update(
    principal: OwnersWrite, session: Tx, now: Now, response: Response, if_match: IfMatch, group_id: UUID,
    body: GroupUpdate,
) -> GroupRead:  # fmt: skip
    """JSON Merge Patch of name, purpose, who sees it, and whether owners may still be put into it."""
    group = await groups.group_for_change(session, group_id=group_id, principal=principal)
    if_match.check(group.version)
    changes = body.model_dump(exclude_unset=True)
    await groups.update_group(session, group=group, changes=changes, principal=principal, now=now)
    return _group(response, group)


@router.get(
    "/owners/{owner_id}/groups",
    **reads(
        "owners_groups_list",
        "Groups of an owner (业主所属分组)",
        OwnerNotFound,
        rules=_RULES,
        model=PageOf[MembershipRead],
        paged=True,
    ),
)
async def owners_groups_list(
    principal: OwnersRead, reader: Reader, now: Now, paging: PageParams, owner_id: UUID
) -> Response:
    """An owner's groups, past ones too, as far as the caller may see them: since when, and who put the owner there."""
    await service.ensure_visible(reader, owner_id=owner_id, principal=principal)
    query = records.memberships(owner_id=owner_id, principal=principal, reach=principal.reach(READ))
    page = await newest_first(reader, query=query, key=OwnerGroupMember.__table__.c.id, wanted=paging.wanted)
    await looks.record(reader, owner_ids=[owner_id], actor=principal, look=Look.RECORD, now=now)
    return paging.answer(page, show=lambda row: dict(row._mapping))


@router.post(
    "/owners/{owner_id}/groups",
    **writes(
        "owners_groups_create",
        "Put an owner into a group (加入分组)",
        GroupNotFound,
        groups.NotInUse,
        groups.GroupOfOtherProject,
        groups.AlreadyInGroup,
        rules=_RULES,
        model=MembershipRead,
    ),
)
async def owners_groups_create(
    principal: OwnersWrite, session: Tx, now: Now, owner_id: UUID, body: GroupAssign
) -> MembershipRead:
    """From a day on, by whom and why. A project's group takes only owners of that project."""
    made = await groups.assign(session, owner_id=owner_id, **body.model_dump(), principal=principal, now=now)
    reach = Reach(everywhere=True)
    query = records.memberships(owner_id=owner_id, principal=principal, reach=reach)
    row = (await session.execute(query.where(OwnerGroupMember.id == made.id))).one()
    return MembershipRead.model_validate(row)


@router.delete(
    "/owners/{owner_id}/groups/{group_id}",
    **writes(
        "owners_groups_delete",
        "Take an owner out of a group (移出分组)",
        groups.NotInGroup,
        rules=_RULES,
        status=204,
    ),
)
async def owners_groups_delete(
    principal: OwnersWrite, session: Tx, now: Now, owner_id: UUID, group_id: UUID
) -> Response:
    """The owner's time in the group ends today; that he was in it stays on record."""
    await groups.leave(session, owner_id=owner_id, group_id=group_id, principal=principal, now=now)
    return Response(status_code=204)


@router.get(
    "/owner-tags",
    **reads("owner_tags_list", "Tags of owners (业主标签)", rules=_RULES, model=PageOf[TagRead], paged=True),
)
async def owner_tags_list(principal: OwnersRead, reader: Reader, paging: PageParams) -> Response:
    """The managed list of tags, one for the whole company."""
    page = await newest_first(reader, query=records.tags(), key=OwnerTag.__table__.c.id, wanted=paging.wanted)
    return paging.answer(page, show=lambda row: dict(row._mapping))


@router.post(
    "/owner-tags",
    **writes("owner_tags_create", "Add a tag (新建标签)", groups.CodeTaken, rules=_RULES, model=TagRead),
)
async def owner_tags_create(
    principal: OwnersWrite, session: Tx, now: Now, response: Response, body: TagCreate
) -> TagRead:
    """Needs company-wide reach: everybody picks from one list."""
    made = await groups.define_tag(session, **body.model_dump(), principal=principal, now=now)
    response.headers["Location"] = "/v1/owner-tags"
    put_version(response, made.version)
    return TagRead.model_validate(made)


@router.patch(
    "/owner-tags/{tag_id}",
    **patches("owner_tags_update", "Change a tag (修改标签)", TagNotFound, rules=_RULES, model=TagRead),
)
async def owner_tags_update(
    principal: OwnersWrite, session: Tx, now: Now, response: Response, if_match: IfMatch, tag_id: UUID, body: TagUpdate
) -> TagRead:
    """JSON Merge Patch of the name, and whether the tag is still given. Owners who have it keep it."""
    tag = await groups.tag_for_change(session, tag_id=tag_id, principal=principal)
    if_match.check(tag.version)
    changes = body.model_dump(exclude_unset=True)
    await groups.update_tag(session, tag=tag, changes=changes, principal=principal, now=now)
    put_version(response, tag.version)
    return TagRead.model_validate(tag)


@router.get(
    "/owners/{owner_id}/tags",
    **reads("owners_tags_read", "Tags of an owner (业主的标签)", OwnerNotFound, rules=_RULES, model=TagsRead),
)
async def owners_tags_read(principal: OwnersRead, reader: Reader, now: Now, owner_id: UUID) -> TagsRead:
    """What an owner is marked with."""
    await service.ensure_visible(reader, owner_id=owner_id, principal=principal)
    await looks.record(reader, owner_ids=[owner_id], actor=principal, look=Look.RECORD, now=now)
    return await _tags(reader, owner_id)


@router.post(
    "/owners/{owner_id}/tags",
    **writes(
        "owners_tags_create",
        "Tag an owner (添加标签)",
        TagNotFound,
        groups.NotInUse,
        groups.AlreadyInGroup,
        rules=_RULES,
        model=TagsRead,
    ),
)
async def owners_tags_create(
    principal: OwnersWrite, session: Tx, now: Now, owner_id: UUID, body: TagAssign
) -> TagsRead:
    """Marks an owner with a tag of the managed list."""
    await groups.tag_owner(session, owner_id=owner_id, tag_id=body.tag_id, principal=principal, now=now)
    return await _tags(session, owner_id)


@router.delete(
    "/owners/{owner_id}/tags/{tag_id}",
    **writes("owners_tags_delete", "Untag an owner (移除标签)", groups.NotInGroup, rules=_RULES, status=204),
)
async def owners_tags_delete(principal: OwnersWrite, session: Tx, now: Now, owner_id: UUID, tag_id: UUID) -> Response:
    """Takes the tag off; the history of the record keeps who did."""
    await groups.untag_owner(session, owner_id=owner_id, tag_id=tag_id, principal=principal, now=now)
    return Response(status_code=204)


def _group(response: Response, group: OwnerGroup) -> GroupRead:
    put_version(response, group.version)
    fields = {column.name: getattr(group, column.name) for column in OwnerGroup.__table__.c}
    return GroupRead.model_validate(fields | {"owners": None})


async def _tags(connection: records.Connection, owner_id: UUID) -> TagsRead:
    found = await records.tags_of(connection, owner_ids=[owner_id])
    return TagsRead.model_validate({"items": [dict(row._mapping) for row in found]})
