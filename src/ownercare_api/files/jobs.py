"""Background work of the file room."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from ownercare_api.core.jobs import Handler
from ownercare_api.files import service
from ownercare_api.files.storage import Store

SWEEP = "files.sweep"


def sweep_handler(store: Store) -> Handler:
    """Return the handler of `files.sweep`, to be queued once a day."""

    async def handle(session: AsyncSession, args: Mapping[str, Any], now: datetime) -> None:
        await service.sweep(session, store=store, now=now)

    return handle
