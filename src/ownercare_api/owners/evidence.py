"""Attachments as evidence in owners' records: of one of the owner's projects, and within the caller's reach."""

from collections.abc import Collection, Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from ownercare_api.files.models import FilePurpose
from ownercare_api.files.service import keep_with_record
from ownercare_api.identity.principal import Principal
from ownercare_api.owners.service import READ

PURPOSES = (FilePurpose.DOCUMENT, FilePurpose.SIGNATURE, FilePurpose.RECORDING, FilePurpose.PHOTO_SITE)


async def check(
    session: AsyncSession,
    *,
    file_ids: Sequence[UUID],
    about: Collection[UUID],
    project_ids: Collection[UUID],
    principal: Principal,
    now: datetime,
) -> None:
    """Make sure that attachments can be evidence about some owners, and keep them with the record; raises
    `FileNotUsable`.

    Each must be one's own or within one's `files:read`, be of one of the projects, and of a purpose that proves
    something.
    """
    await keep_with_record(
        session,
        file_ids=file_ids,
        purposes=PURPOSES,
        scope=READ,
        fits=lambda file: file.project_id in project_ids,
        principal=principal,
        now=now,
        about=about,
    )
