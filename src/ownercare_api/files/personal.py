"""The room's part of copies and erasure of personal data: attachments of the person's cases and papers."""

import asyncio
from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import delete, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from ownercare_api.core.crypto import Keyring
from ownercare_api.core.personal import Person, plain
from ownercare_api.files import repository
from ownercare_api.files.models import FileObject
from ownercare_api.files.storage import Store

_FILE = FileObject.__table__
UPLOADING = timedelta(minutes=10)
"""Bytes younger than this may belong to an upload that has not committed: the daily sweep takes them."""


def _theirs(person: Person) -> Any:
    return or_(_FILE.c.ticket_id.in_(list(person.ticket_ids)), _FILE.c.id.in_(list(person.file_ids)))


async def hashes(session: AsyncSession, *, person: Person) -> frozenset[str]:
    """Return the contents that the person's attachments name."""
    return frozenset(await session.scalars(select(_FILE.c.sha256).where(_theirs(person))))


async def erase(session: AsyncSession, *, person: Person, keyring: Keyring, now: datetime) -> dict[str, int]:
    """Delete the rows; `shred` deletes the bytes once that is committed."""
    rows = delete(FileObject).where(_theirs(person)).execution_options(synchronize_session=False)
    gone = await session.execute(rows.returning(_FILE.c.id))
    return {"file_object": len(gone.all())}


async def shred(session: AsyncSession, *, store: Store, contents: Collection[str], now: datetime) -> int:
    """Delete contents that no row names any more; returns how many went."""
    held = await repository.held(session, hashes=contents)
    paths = [store.path(one) for one in contents if one not in held]
    return await asyncio.to_thread(store.drop, paths, now=now, age=UPLOADING)


async def collect(session: AsyncSession, *, person: Person, keyring: Keyring) -> dict[str, Any]:
    """Return which attachments there are; the pictures themselves are handed out with the case."""
    columns = [_FILE.c.id, _FILE.c.ticket_id, _FILE.c.purpose, _FILE.c.name, _FILE.c.media_type, _FILE.c.created_at]
    rows = await session.execute(select(*columns).where(_theirs(person)).order_by(_FILE.c.id))
    return {"attachments": [plain(row) for row in rows]}
