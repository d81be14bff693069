"""Background work of the identity room: sending one-time codes."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, and_, or_

from ownercare_api.core.crypto import Keyring
from ownercare_api.core.jobs import AnyHandler, Job, LongHandler, Run
from ownercare_api.core.keeping import Rule
from ownercare_api.core.messages import MessageGateway
from ownercare_api.identity import codes, limits
from ownercare_api.identity.directory import Directory
from ownercare_api.identity.models import AuthSession, ClientSecret, OneTimeCode, Throttle

LOGINS_KEPT = timedelta(days=190)
"""Logins that have ended and secrets that ran out: for the six months that network logs are to be kept at the least."""


SEND = codes.SEND


def handlers(*, keyring: Keyring, directory: Directory, gateway: MessageGateway) -> dict[str, AnyHandler]:
    """Return what to do, by kind of job."""

    async def send(run: Run, args: Mapping[str, Any], now: datetime) -> None:
        async with run.database.session() as session:
            message = await codes.prepare(
                session,
                code_id=UUID(args["code_id"]),
                indexes=[bytes.fromhex(one) for one in args["indexes"]],
                keyring=keyring,
                directory=directory,
                now=now,
            )
            await session.commit()
        # Nothing is locked while the gateway takes its time: another wish for a code must not have to wait for it.
        if message is not None:
            await gateway.send(message, now=now)

    return {codes.SEND: LongHandler(send)}


def _ended(now: datetime) -> ColumnElement[bool]:
    before = now - LOGINS_KEPT
    return or_(AuthSession.revoked_at < before, AuthSession.expires_at < before)


def _sent(now: datetime) -> ColumnElement[bool]:
    """Their arguments hold the blind index of a number, so they go with their codes."""
    return and_(Job.kind == codes.SEND, Job.finished_at < now - timedelta(days=1))


def _secret_over(now: datetime) -> ColumnElement[bool]:
    return ClientSecret.expires_at < now - LOGINS_KEPT


KEPT = (
    Rule(OneTimeCode, codes.over),
    Rule(Job, _sent),
    Rule(Throttle, limits.over),
    Rule(AuthSession, _ended),
    Rule(ClientSecret, _secret_over),
)
"""What the room does not keep for ever."""
