"""Attachments of an owner (业主本人): what he uploads, and what of others is meant for him."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import SelectBase, func, select, union
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

from ownercare_api.core.errors import Conflict
from ownercare_api.files import service
from ownercare_api.files.models import FileObject, FilePurpose
from ownercare_api.files.service import FileAttached, FileNotFound, Upload
from ownercare_api.files.storage import Store
from ownercare_api.identity.principal import Principal

Connection = AsyncConnection | AsyncSession
F = FileObject.__table__.c

PURPOSES = (FilePurpose.PHOTO_SITE, FilePurpose.SIGNATURE)
"""What an owner uploads: photos of what is wrong, and his signature."""
WAITING = 20


class TooManyWaiting(Conflict):
    """409: so many uploads of his are in no case yet that he should use or delete some first."""

    code = "uploads_waiting"
    zh = "您已上传但尚未使用的附件已达 {count} 个,请先使用或删除。"
    en = "{count} uploads of yours are in no case yet; use or delete some first."


def own_files(*, principal: Principal, meant: SelectBase) -> Any:
    """Return the query of what an owner may see: his own uploads, and the files that `meant` selects the ids of."""
    # Two small sets of ids; as one condition with OR the planner would walk the whole table.
    uploads = select(F.id).where(F.uploaded_by == principal.id)
    return select(*F).where(F.id.in_(union(uploads, select(*meant.subquery().c))))


async def one(connection: Connection, *, file_id: UUID, principal: Principal, meant: SelectBase) -> Any:
    """Return one of them; raises `FileNotFound`."""
    query = own_files(principal=principal, meant=meant).where(F.id == file_id)
    row = (await connection.execute(query)).one_or_none()
    if row is None:
        raise FileNotFound
    return row


async def upload(
    session: AsyncSession,
    *,
    given: Upload,
    ticket_id: UUID | None,
    store: Store,
    principal: Principal,
    now: datetime,
) -> FileObject:
    """Keep an owner's upload for a home or a case, of which the caller has made sure.

    Raises `TooManyWaiting`, `WrongFileType`.
    """
    if ticket_id is None:
        waiting = select(func.count()).where(
            F.uploaded_by == principal.id, F.ticket_id.is_(None), F.kept_since.is_(None)
        )
        count = int(await session.scalar(waiting) or 0)
        if count >= WAITING:
            raise TooManyWaiting(count=count)
    return await service.keep(session, upload=given, store=store, principal=principal, now=now, ticket_id=ticket_id)


async def remove(session: AsyncSession, *, file_id: UUID, principal: Principal, now: datetime) -> None:
    """Delete one's own upload that no case or record holds. Raises `FileNotFound`, `FileAttached`."""
    query = select(FileObject).where(FileObject.id == file_id, FileObject.uploaded_by == principal.id)
    file = await session.scalar(query.with_for_update())
    if file is None:
        raise FileNotFound
    if file.held:
        raise FileAttached
    await service.forget(session, file=file, principal=principal, now=now)
