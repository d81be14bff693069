"""One document, one record: who writes documents waits for who writes the same one, or all of them."""

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from ownercare_api.core.crypto import Keyring
from ownercare_api.owners import sealing

_ALL = func.hashtext("owner.documents")


async def one(session: AsyncSession, *, number: str, keyring: Keyring) -> None:
    """Hold a document number, in normal form, until the transaction ends; waits for an import that holds them all."""
    await session.execute(select(func.pg_advisory_xact_lock_shared(_ALL)))
    await session.execute(select(func.pg_advisory_xact_lock(keyring.lock_key(number, column=sealing.DOCUMENT))))


async def every(session: AsyncSession) -> None:
    """Hold all document numbers until the transaction ends: thousands of single locks would not fit the server."""
    await session.execute(select(func.pg_advisory_xact_lock(_ALL)))
