"""Background work of the exchange room."""

from collections.abc import Mapping
from datetime import datetime
from functools import partial
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from ownercare_api.core.jobs import AnyHandler, LongHandler
from ownercare_api.exchange import applying, checking, exporting, exports, imports, keeping
from ownercare_api.exchange.checking import Desk


def handlers(desk: Desk) -> dict[str, AnyHandler]:
    """Return the handlers of the room's jobs."""

    async def expire(session: AsyncSession, args: Mapping[str, Any], now: datetime) -> None:
        await exporting.expire(session, args, now, desk=desk)

    return {
        imports.CHECK: LongHandler(partial(checking.check, desk=desk), given_up=checking.give_up),
        imports.APPLY: LongHandler(partial(applying.take_over, desk=desk), given_up=checking.give_up),
        exports.MAKE: LongHandler(partial(exporting.make, desk=desk), given_up=exporting.give_up),
        keeping.EXPIRE: expire,
    }
