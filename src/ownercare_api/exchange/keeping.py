"""Kept files: put with their row, deleted with their key when their time is over."""

import asyncio
from datetime import datetime, timedelta
from typing import BinaryIO
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from ownercare_api.core import jobs
from ownercare_api.core.errors import Conflict
from ownercare_api.core.ids import uuid7
from ownercare_api.exchange.models import ExchangeFile, ExchangePurpose
from ownercare_api.exchange.vault import Vault

EXPIRE = "exchange.expire"
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
CSV = "text/csv; charset=utf-8"
UPLOADS_KEPT = timedelta(days=7)
EXPORTS_KEPT = timedelta(hours=24)
_ORPHAN = timedelta(hours=24)


class FileGone(Conflict):
    """409: the file's time is over; it has been deleted."""

    code = "roster_file_gone"
    zh, en = "文件已过保存期并删除。", "The file's time is over; it has been deleted."


async def keep(
    session: AsyncSession,
    *,
    vault: Vault,
    content: BinaryIO,
    purpose: ExchangePurpose,
    name: str,
    media_type: str,
    now: datetime,
) -> ExchangeFile:
    """Keep a file for as long as its purpose allows."""
    file_id = uuid7()
    kept = await asyncio.to_thread(vault.put, file_id, content)
    lifetime = EXPORTS_KEPT if purpose is ExchangePurpose.EXPORT else UPLOADS_KEPT
    file = ExchangeFile(
        id=file_id,
        purpose=purpose,
        name=name,
        media_type=media_type,
        size_bytes=kept.size_bytes,
        sha256=kept.sha256,
        key_encrypted=kept.key_encrypted,
        created_at=now,
        expires_at=now + lifetime,
    )
    session.add(file)
    await session.flush()
    await jobs.enqueue(session, kind=EXPIRE, args={"file_id": str(file_id)}, run_at=file.expires_at)
    return file


async def expire(session: AsyncSession, *, vault: Vault, file_id: UUID, now: datetime) -> ExchangeFile | None:
    """Delete a file whose time is over: first its key, and with the next sweep its bytes."""
    file = await session.scalar(select(ExchangeFile).where(ExchangeFile.id == file_id).with_for_update())
    if file is None or file.expires_at > now or file.key_encrypted is None:
        return None
    file.key_encrypted = None
    await session.flush()
    await sweep(session, vault=vault, now=now)
    return file


async def sweep(session: AsyncSession, *, vault: Vault, now: datetime) -> None:
    """Delete bytes that no key opens any more, or that a crash left without a row a day ago."""
    aged = await asyncio.to_thread(vault.aged, before=(now - _ORPHAN).timestamp())
    live = select(ExchangeFile.id).where(ExchangeFile.id.in_(aged), ExchangeFile.key_encrypted.is_not(None))
    held = set(await session.scalars(live)) if aged else set()
    await asyncio.to_thread(vault.drop, [one for one in aged if one not in held])


def key_of(file: ExchangeFile, *, now: datetime) -> bytes:
    """Return the key of a file that is still there; raises `FileGone`."""
    if file.key_encrypted is None or file.expires_at <= now:
        raise FileGone
    return bytes(file.key_encrypted)
