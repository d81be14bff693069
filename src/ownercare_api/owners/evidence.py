"""Attachments as evidence in owners' records: of one of the owner's projects, and within the caller's reach."""

from collections.abc import Collection, Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from ownercare_api.files.models import FileObject, FilePurpose
from ownercare_api.files.service import FileNotUsable, keep_with_record
from ownercare_api.identity.principal import Principal
from ownercare_api.owners.service import READ

PURPOSES = (FilePurpose.DOCUMENT, FilePurpose.SIGNATURE, FilePurpose.RECORDING, FilePurpose.PHOTO_SITE)


async def check(
    session: AsyncSession,
    *,
    file_ids: Sequence[UUID],
    project_ids: Collection[UUID],
    principal: Principal,
    now: datetime,
) -> None:
    """Make sure that attachments can be evidence, and keep them with the record; raises `FileNotUsable`.

    Each must be one's own or within one's `files:read`, be of one of the projects, and of a purpose that proves
    something.
    """
    if not file_ids:
        return
    await keep_with_record(session, file_ids=file_ids, scope=READ, now=now)  # locked against deletion from here on
    query = select(FileObject).where(FileObject.id.in_(list(file_ids)))
    found = {file.id: file for file in await session.scalars(query)}
    reach = principal.reach("files:read")
    usable = all(
        file is not None
        and file.purpose in PURPOSES
        and file.project_id in project_ids
        and (file.uploaded_by == principal.id or reach.covers(project_id=file.project_id))
        for file in (found.get(file_id) for file_id in file_ids)
    )
    if not usable:
        raise FileNotUsable(purposes=", ".join(sorted(PURPOSES)))
