"""Use cases of attachments: upload, attach to a case, delete, sweep what nobody holds."""

import asyncio
import os
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, BinaryIO
from uuid import UUID

from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

from ownercare_api.core.errors import (
    Conflict,
    FieldError,
    Forbidden,
    Invalid,
    NotFound,
    TooLarge,
    Unavailable,
    UnsupportedMedia,
)
from ownercare_api.core.ids import uuid7
from ownercare_api.files import repository
from ownercare_api.files.media import FOR_PURPOSE, sniff
from ownercare_api.files.models import PHOTOS, FileObject, FilePurpose
from ownercare_api.files.naming import safe_name
from ownercare_api.files.repository import Surroundings
from ownercare_api.files.storage import Digest, Store, digest
from ownercare_api.identity.principal import OutOfReach, Principal
from ownercare_api.timeline import service as timeline


class FileNotFound(NotFound):
    """404: no such attachment, or not visible."""

    code = "file_not_found"
    zh, en = "附件不存在,或您无权查看。", "The attachment does not exist, or you may not see it."


class FileTooLarge(TooLarge):
    """413: bigger than an attachment may be."""

    code = "file_too_large"
    zh = "附件过大,至多 {max_bytes} 字节。"
    en = "The attachment is too large; at most {max_bytes} bytes."


class WrongFileType(UnsupportedMedia):
    """415: the bytes are not of a type that this purpose takes; the claimed type does not count."""

    code = "file_type_not_allowed"
    zh = "附件的实际内容不是此用途接受的类型;可用:{allowed}。"
    en = "The content is not of a type this purpose takes; allowed: {allowed}."


class EmptyFile(Invalid):
    """422: there is nothing in the file."""

    code = "file_empty"
    zh, en = "附件内容为空。", "The attachment is empty."


class UnknownProject(Invalid):
    """422: the named project does not exist."""

    code = "project_unknown"
    zh, en = "所填项目不存在。", "The named project does not exist."


class NotTheUploader(Forbidden):
    """403: only who uploaded an attachment may delete it."""

    code = "not_the_uploader"
    zh, en = "只有上传人本人可以删除附件。", "Only its uploader may delete an attachment."


class FileAttached(Conflict):
    """409: it belongs to a case or another record, which are kept."""

    code = "file_attached"
    zh = "附件已归入工单或其他档案,不能删除。"
    en = "The attachment belongs to a case or another record and is kept with it."
    rules = ("CMP-14",)


class FileNotUsable(Invalid):
    """422: a named attachment is missing, not visible, of another project, case or purpose."""

    code = "file_not_usable"
    zh = "所引用的附件不存在、不属于本项目或本工单,或用途不符;此处可用的用途:{purposes}。"
    en = "A named attachment is missing, of another project or case, or of another purpose; usable here: {purposes}."


class ContentAway(Unavailable):
    """503: the row is there and its bytes are not, as after restoring only the database."""

    code = "file_content_unavailable"
    zh, en = "附件内容暂时无法读取。", "The content can't be read at present."


@dataclass(frozen=True, slots=True)
class Upload:
    """A file as it came in: bytes that can be read again, the claimed name, what it is for."""

    content: BinaryIO
    claimed_name: str
    purpose: FilePurpose
    project_id: UUID
    digest: Digest


async def measure(content: BinaryIO, *, max_bytes: int) -> Digest:
    """Hash a received file off the event loop; raises `EmptyFile` and `FileTooLarge`."""
    found = await asyncio.to_thread(digest, content)
    if found.size_bytes == 0:
        raise EmptyFile
    if found.size_bytes > max_bytes:
        raise FileTooLarge(max_bytes=max_bytes)
    return found


async def content_stat(store: Store, *, sha256: str) -> os.stat_result:
    """Return the file facts of a content; raises `ContentAway` where its bytes are missing."""
    try:
        return await asyncio.to_thread(os.stat, store.path(sha256))
    except OSError:
        raise ContentAway from None


async def upload(
    session: AsyncSession,
    *,
    upload: Upload,
    store: Store,
    surroundings: Surroundings,
    principal: Principal,
    now: datetime,
) -> FileObject:
    """Keep an attachment for a project: the bytes are on the disk before the row is written.

    Raises `OutOfReach`, `WrongFileType`, `UnknownProject`.
    """
    await _check_project(session, principal=principal, project_id=upload.project_id, surroundings=surroundings)
    return await keep(session, upload=upload, store=store, principal=principal, now=now)


async def keep(
    session: AsyncSession,
    *,
    upload: Upload,
    store: Store,
    principal: Principal,
    now: datetime,
    ticket_id: UUID | None = None,
) -> FileObject:
    """Keep an attachment whose uploader may do so, bound to a case where one is named.

    Raises `WrongFileType`, `UnknownProject`.
    """
    kind = await asyncio.to_thread(sniff, upload.content)
    allowed = FOR_PURPOSE[upload.purpose]
    if kind is None or kind not in allowed:
        raise WrongFileType(allowed=", ".join(sorted(one.suffixes[0] for one in allowed)))
    await asyncio.to_thread(store.put, upload.content, sha256=upload.digest.sha256)
    file = FileObject(
        id=uuid7(),
        project_id=upload.project_id,
        ticket_id=ticket_id,
        purpose=upload.purpose,
        name=safe_name(upload.claimed_name, kind=kind),
        media_type=kind.media_type,
        size_bytes=upload.digest.size_bytes,
        sha256=upload.digest.sha256,
        uploaded_by=principal.id,
        uploaded_by_firm_id=principal.firm_id,
        created_at=now,
    )
    session.add(file)
    try:
        await session.flush()
    except IntegrityError as error:
        if getattr(error.orig, "sqlstate", None) != "23503":
            raise
        fault = FieldError("#/project_id", UnknownProject.code, UnknownProject.zh, UnknownProject.en)
        raise UnknownProject(errors=(fault,)) from None
    await _record(session, "file.uploaded", file=file, actor=principal, now=now)
    return file


async def _check_project(
    session: AsyncSession, *, principal: Principal, project_id: UUID, surroundings: Surroundings
) -> None:
    reach = principal.reach("files:write")
    if reach.covers(project_id=project_id):
        return
    if not reach.firms or not await repository.works_in(
        session, firms=reach.firms, project_id=project_id, surroundings=surroundings
    ):
        raise OutOfReach


async def attach(
    session: AsyncSession,
    *,
    file_ids: Sequence[UUID],
    ticket_id: UUID,
    project_id: UUID,
    principal: Principal,
    purposes: Collection[FilePurpose],
) -> list[FileObject]:
    """Bind attachments to a case, whose visibility they follow from now on; returns them in the order asked for.

    The caller has made sure that the principal may act on the ticket. An attachment must be the principal's own, or
    within its `files:read`, be of the same project and of one of the purposes, and belong to no other case. Raises
    `FileNotUsable`; then nothing is bound.
    """
    if not file_ids:
        return []
    found = await repository.lock_all(session, file_ids=frozenset(file_ids))
    reach = principal.reach("files:read")
    usable = all(
        file is not None
        and file.project_id == project_id
        and file.purpose in purposes
        and file.ticket_id in (None, ticket_id)
        and (
            file.ticket_id == ticket_id
            or file.uploaded_by == principal.id
            or reach.covers(project_id=file.project_id, firm_ids=(file.uploaded_by_firm_id,))
        )
        for file in (found.get(file_id) for file_id in file_ids)
    )
    if not usable:
        raise FileNotUsable(purposes=", ".join(sorted(purposes)))
    bound = [found[file_id] for file_id in dict.fromkeys(file_ids)]
    for file in bound:
        file.ticket_id = ticket_id
    await session.flush()
    return bound


async def keep_with_record(
    session: AsyncSession,
    *,
    file_ids: Sequence[UUID],
    purposes: Collection[FilePurpose],
    scope: str,
    fits: Callable[[FileObject], bool],
    principal: Principal,
    now: datetime,
    about: Collection[UUID] = (),
) -> None:
    """Keep attachments from now on: a record that is no case's, and is seen by `scope`, names them as evidence, of some
    owners where it is `about` owners.

    Each must be one's own or within one's `files:read`, of one of the purposes, and fit the record; raises
    `FileNotUsable`. Whoever writes such a record calls this in the same transaction.
    """
    if not file_ids:
        return
    found = await repository.lock_all(session, file_ids=frozenset(file_ids))
    reach = principal.reach("files:read")
    usable = all(
        file is not None
        and file.purpose in purposes
        and fits(file)
        and (file.uploaded_by == principal.id or reach.covers(project_id=file.project_id))
        for file in (found.get(file_id) for file_id in file_ids)
    )
    if not usable:
        raise FileNotUsable(purposes=", ".join(sorted(purposes)))
    for file in found.values():
        file.kept_since, file.kept_scope = file.kept_since or now, file.kept_scope or scope
        file.kept_about = sorted({*(file.kept_about or ()), *about})
    await session.flush()


async def note_fetched(
    connection: AsyncConnection | AsyncSession,
    *,
    row: Any,
    surroundings: Surroundings,
    principal: Principal,
    now: datetime,
) -> None:
    """Put on record that a caller fetches what shows an owner's data: evidence of owners' records, and of a case the
    recordings, signatures and documents. Photos of the building are the case's daily work (OWN-07)."""
    of_case = row.ticket_id is not None and row.purpose not in PHOTOS
    if row.kept_about or of_case:
        ticket_id = row.ticket_id if of_case else None
        await surroundings.looked_at(
            connection, owner_ids=row.kept_about, ticket_id=ticket_id, actor=principal, now=now
        )


async def remove(
    session: AsyncSession, *, file_id: UUID, surroundings: Surroundings, principal: Principal, now: datetime
) -> None:
    """Delete one's own attachment while no case or other record holds it; its bytes go with the next sweep if nobody
    else has them. Raises `FileNotFound`, `NotTheUploader`, `FileAttached`."""
    file = await repository.lock(
        session, file_id=file_id, principal=principal, scope="files:write", surroundings=surroundings
    )
    if file is None:
        raise FileNotFound
    if file.uploaded_by != principal.id:
        raise NotTheUploader
    if file.held:
        raise FileAttached
    await forget(session, file=file, principal=principal, now=now)


async def forget(session: AsyncSession, *, file: FileObject, principal: Principal, now: datetime) -> None:
    """Delete the row of an attachment that nothing holds, and say so."""
    await _record(session, "file.deleted", file=file, actor=principal, now=now)
    await session.delete(file)
    await session.flush()


async def sweep(session: AsyncSession, *, store: Store, now: datetime) -> int:
    """Delete contents that lie for a day or longer and that no row names; returns how many."""
    aged = await asyncio.to_thread(store.aged, now=now)
    held = await repository.held(session, hashes=[path.name for path in aged])
    return await asyncio.to_thread(store.drop, [path for path in aged if path.name not in held], now=now)


async def _record(session: AsyncSession, kind: str, *, file: FileObject, actor: Principal, now: datetime) -> None:
    await timeline.record(
        session,
        kind=kind,
        subject_kind="file",
        subject_id=file.id,
        project_id=file.project_id,
        firm_id=file.uploaded_by_firm_id,
        actor=actor,
        now=now,
        rules=("CMP-14",),
        data={
            "purpose": file.purpose.value,
            "media_type": file.media_type,
            "size_bytes": file.size_bytes,
            "sha256": file.sha256,
        },
    )
