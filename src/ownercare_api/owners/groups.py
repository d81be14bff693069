"""Use cases: owners are grouped and tagged for targeted service (分组、标签, OWN-09)."""

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm.attributes import flag_modified

from ownercare_api.core.clock import business_date
from ownercare_api.core.errors import Conflict, FieldError, Invalid, NotFound
from ownercare_api.core.ids import uuid7
from ownercare_api.identity.principal import Principal
from ownercare_api.identity.roles import ROLES
from ownercare_api.owners import repository_records as repository
from ownercare_api.owners.models_records import OwnerGroup, OwnerGroupMember, OwnerTag, OwnerTagging
from ownercare_api.owners.service import WRITE, owner_for_change, projects_of, sight
from ownercare_api.properties.models import Project
from ownercare_api.properties.service import ProjectNotFound
from ownercare_api.timeline import service as timeline


class GroupNotFound(NotFound):
    """404: no such group, or not visible."""

    code = "owner_group_not_found"
    zh, en = "分组不存在,或您无权查看。", "The group does not exist, or you may not see it."


class TagNotFound(NotFound):
    """404: no such tag."""

    code = "owner_tag_not_found"
    zh, en = "标签不存在。", "There is no such tag."


class CodeTaken(Conflict):
    """409: the code is in use already."""

    code = "owner_code_taken"
    zh, en = "该编码已被占用。", "The code is in use already."


class NotInUse(Conflict):
    """409: the group or tag is not given any more."""

    code = "not_in_use"
    zh, en = "该分组或标签已停用。", "The group or tag is not given any more."


class AlreadyInGroup(Conflict):
    """409: the owner is in the group, or has the tag, already."""

    code = "already_in_group"
    zh, en = "该业主已在此分组或已有此标签。", "The owner is in the group, or has the tag, already."


class NotInGroup(NotFound):
    """404: the owner is not in the group, or has no such tag."""

    code = "not_in_group"
    zh, en = "该业主不在此分组或没有此标签。", "The owner is not in the group, or has no such tag."


class GroupOfOtherProject(Conflict):
    """409: the group is one project's, and the owner has no home there."""

    code = "group_of_other_project"
    zh, en = "该分组仅限本项目业主。", "The group is for owners of its own project only."
    rules = ("OWN-09",)


class UnknownRole(Invalid):
    """422: there is no such role."""

    code = "role_unknown"
    zh, en = "所填角色编码不存在。", "There is no such role."

    def __init__(self) -> None:
        super().__init__(errors=(FieldError("#/seen_by", self.code, self.zh, self.en),))


async def define(
    session: AsyncSession,
    *,
    code: str,
    name: str,
    purpose: str,
    project_id: UUID | None,
    seen_by: list[str],
    principal: Principal,
    now: datetime,
) -> OwnerGroup:
    """Define a group: one project's, or of every project for who reaches everywhere.

    Raises `OutOfReach`, `ProjectNotFound`, `UnknownRole`, `CodeTaken`.
    """
    principal.require(WRITE, project_id=project_id)
    if project_id is not None and await session.get(Project, project_id) is None:
        raise ProjectNotFound
    _check_roles(seen_by)
    if await session.scalar(select(OwnerGroup.id).where(OwnerGroup.code == code)) is not None:
        raise CodeTaken
    group = OwnerGroup(
        id=uuid7(), code=code, name=name, purpose=purpose, project_id=project_id, seen_by=seen_by, active=True
    )
    session.add(group)
    await session.flush()
    await _record(session, "owner_group.defined", group.id, project_id=project_id, principal=principal, now=now)
    return group


async def group_for_change(session: AsyncSession, *, group_id: UUID, principal: Principal) -> OwnerGroup:
    """Return a visible group locked for change; raises `GroupNotFound`, `OutOfReach`."""
    query = select(OwnerGroup).where(
        OwnerGroup.id == group_id, repository.groups_seen(principal, sight(principal, WRITE))
    )
    group = await session.scalar(query.with_for_update().execution_options(populate_existing=True))
    if group is None:
        raise GroupNotFound
    principal.require(WRITE, project_id=group.project_id)
    return group


async def update_group(
    session: AsyncSession, *, group: OwnerGroup, changes: Mapping[str, Any], principal: Principal, now: datetime
) -> None:
    """Change name, purpose, who sees it, or whether it is in use, of a group that the caller locked.

    Raises `UnknownRole`.
    """
    changed = {name: value for name, value in changes.items() if getattr(group, name) != value}
    if not changed:
        return
    _check_roles(changed.get("seen_by", []))
    for name, value in changed.items():
        setattr(group, name, value)
    group.updated_at = now
    flag_modified(group, "updated_at")  # also where it was changed at this very instant before
    await session.flush()
    data = {"fields": sorted(changed)}
    await _record(
        session, "owner_group.updated", group.id, project_id=group.project_id, principal=principal, now=now, data=data
    )


async def assign(
    session: AsyncSession,
    *,
    owner_id: UUID,
    group_id: UUID,
    from_date: date | None,
    reason: str | None,
    principal: Principal,
    now: datetime,
) -> OwnerGroupMember:
    """Put an owner into a group, from today unless said otherwise.

    Raises `OwnerNotFound`, `OutOfReach`, `GroupNotFound`, `NotInUse`, `GroupOfOtherProject`, `AlreadyInGroup`.
    """
    await owner_for_change(session, owner_id=owner_id, principal=principal)
    seen = repository.groups_seen(principal, sight(principal, WRITE))
    group = await session.scalar(select(OwnerGroup).where(OwnerGroup.id == group_id, seen))
    if group is None:
        raise GroupNotFound
    if not group.active:
        raise NotInUse
    projects = await projects_of(session, owner_id=owner_id)
    if group.project_id is not None:
        if group.project_id not in projects:
            raise GroupOfOtherProject
        principal.require(WRITE, project_id=group.project_id)
    if await _membership(session, owner_id=owner_id, group_id=group_id) is not None:
        raise AlreadyInGroup
    member = OwnerGroupMember(
        id=uuid7(),
        group_id=group_id,
        owner_id=owner_id,
        from_date=from_date or business_date(now),
        reason=reason,
        assigned_by=principal.id,
        assigned_by_name=principal.name,
    )
    session.add(member)
    await session.flush()
    project = group.project_id or min(projects, default=None)
    data = {"group_id": str(group_id)}
    await _record(
        session, "owner.grouped", owner_id, project_id=project, principal=principal, now=now, data=data, about="owner"
    )
    return member


async def leave(
    session: AsyncSession, *, owner_id: UUID, group_id: UUID, principal: Principal, now: datetime
) -> OwnerGroupMember:
    """End an owner's time in a group today; raises `OwnerNotFound`, `OutOfReach`, `NotInGroup`."""
    await owner_for_change(session, owner_id=owner_id, principal=principal)
    seen = repository.groups_seen(principal, sight(principal, WRITE))
    group = await session.scalar(select(OwnerGroup).where(OwnerGroup.id == group_id, seen))
    member = None if group is None else await _membership(session, owner_id=owner_id, group_id=group_id)
    if group is None or member is None:
        raise NotInGroup
    if group.project_id is not None:
        principal.require(WRITE, project_id=group.project_id)
    member.to_date, member.ended_by = max(member.from_date, business_date(now)), principal.id
    await session.flush()
    project = group.project_id or min(await projects_of(session, owner_id=owner_id), default=None)
    data = {"group_id": str(group_id)}
    await _record(
        session, "owner.ungrouped", owner_id, project_id=project, principal=principal, now=now, data=data, about="owner"
    )
    return member


async def define_tag(session: AsyncSession, *, code: str, name: str, principal: Principal, now: datetime) -> OwnerTag:
    """Put a tag on the managed list, which is the whole company's; raises `OutOfReach`, `CodeTaken`."""
    principal.require(WRITE, project_id=None)
    if await session.scalar(select(OwnerTag.id).where(OwnerTag.code == code)) is not None:
        raise CodeTaken
    tag = OwnerTag(id=uuid7(), code=code, name=name, active=True)
    session.add(tag)
    await session.flush()
    await _record(
        session, "owner_tag.defined", tag.id, project_id=None, principal=principal, now=now, about="owner_tag"
    )
    return tag


async def tag_for_change(session: AsyncSession, *, tag_id: UUID, principal: Principal) -> OwnerTag:
    """Return a tag locked for change; raises `TagNotFound`, `OutOfReach`."""
    tag = await session.get(OwnerTag, tag_id, with_for_update=True, populate_existing=True)
    if tag is None:
        raise TagNotFound
    principal.require(WRITE, project_id=None)
    return tag


async def update_tag(
    session: AsyncSession, *, tag: OwnerTag, changes: Mapping[str, Any], principal: Principal, now: datetime
) -> None:
    """Change the name of a tag that the caller locked, or whether it is in use."""
    changed = {name: value for name, value in changes.items() if getattr(tag, name) != value}
    if not changed:
        return
    for name, value in changed.items():
        setattr(tag, name, value)
    tag.updated_at = now
    await session.flush()
    data = {"fields": sorted(changed)}
    await _record(
        session,
        "owner_tag.updated",
        tag.id,
        project_id=None,
        principal=principal,
        now=now,
        data=data,
        about="owner_tag",
    )


async def tag_owner(
    session: AsyncSession, *, owner_id: UUID, tag_id: UUID, principal: Principal, now: datetime
) -> OwnerTag:
    """Put a tag on an owner; raises `OwnerNotFound`, `OutOfReach`, `TagNotFound`, `NotInUse`, `AlreadyInGroup`."""
    await owner_for_change(session, owner_id=owner_id, principal=principal)
    tag = await session.get(OwnerTag, tag_id)
    if tag is None:
        raise TagNotFound
    if not tag.active:
        raise NotInUse
    if await session.get(OwnerTagging, (owner_id, tag_id)) is not None:
        raise AlreadyInGroup
    session.add(
        OwnerTagging(
            owner_id=owner_id, tag_id=tag_id, tagged_by=principal.id, tagged_by_name=principal.name, tagged_at=now
        )
    )
    await session.flush()
    project = min(await projects_of(session, owner_id=owner_id), default=None)
    data = {"tag": tag.code}
    await _record(
        session, "owner.tagged", owner_id, project_id=project, principal=principal, now=now, data=data, about="owner"
    )
    return tag


async def untag_owner(
    session: AsyncSession, *, owner_id: UUID, tag_id: UUID, principal: Principal, now: datetime
) -> None:
    """Take a tag off an owner; the history of events keeps it. Raises `OwnerNotFound`, `OutOfReach`, `NotInGroup`."""
    await owner_for_change(session, owner_id=owner_id, principal=principal)
    tagging = await session.get(OwnerTagging, (owner_id, tag_id))
    if tagging is None:
        raise NotInGroup
    tag = await session.get_one(OwnerTag, tag_id)
    await session.delete(tagging)
    await session.flush()
    project = min(await projects_of(session, owner_id=owner_id), default=None)
    data = {"tag": tag.code}
    await _record(
        session, "owner.untagged", owner_id, project_id=project, principal=principal, now=now, data=data, about="owner"
    )


def _check_roles(roles: list[str]) -> None:
    if any(role not in ROLES for role in roles):
        raise UnknownRole


async def _membership(session: AsyncSession, *, owner_id: UUID, group_id: UUID) -> OwnerGroupMember | None:
    return await session.scalar(
        select(OwnerGroupMember).where(
            OwnerGroupMember.owner_id == owner_id,
            OwnerGroupMember.group_id == group_id,
            OwnerGroupMember.to_date.is_(None),
        )
    )


async def _record(
    session: AsyncSession,
    kind: str,
    subject_id: UUID,
    *,
    project_id: UUID | None,
    principal: Principal,
    now: datetime,
    data: dict[str, Any] | None = None,
    about: str = "owner_group",
) -> None:
    await timeline.record(
        session,
        kind=kind,
        subject_kind=about,
        subject_id=subject_id,
        actor=principal,
        now=now,
        project_id=project_id,
        rules=("OWN-09",),
        data=data,
    )
