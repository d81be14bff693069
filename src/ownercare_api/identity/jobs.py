"""Background work of the identity room: sending one-time codes."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from ownercare_api.core.crypto import Keyring
from ownercare_api.core.jobs import Handler
from ownercare_api.core.messages import MessageGateway
from ownercare_api.identity import codes, limits
from ownercare_api.identity.directory import Directory


def handlers(*, keyring: Keyring, directory: Directory, gateway: MessageGateway) -> dict[str, Handler]:
    """Return what to do, by kind of job."""

    async def send(session: AsyncSession, args: Mapping[str, Any], now: datetime) -> None:
        await codes.send(
            session,
            code_id=UUID(args["code_id"]),
            indexes=[bytes.fromhex(one) for one in args["indexes"]],
            keyring=keyring,
            directory=directory,
            gateway=gateway,
            now=now,
        )

    return {codes.SEND: send}


async def housekeeping(session: AsyncSession, *, now: datetime) -> None:
    """Delete counts of attempts and codes that are no longer looked at."""
    await limits.forget(session, now=now)
    await codes.forget(session, now=now)
