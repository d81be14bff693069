"""`Idempotency-Key`: the first committed answer is kept and given again to the same caller, route and body.

What answers 200 has made nothing: searches, look-ups, copies handed out. They are done again, so that each look is one
on record and shows what may be seen by then; their answers, which are nothing but personal data, are kept nowhere.
"""

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from typing import Any, Protocol

from fastapi import Depends, Request, Response
from sqlalchemy import func, insert, select
from sqlalchemy.ext.asyncio import AsyncSession

from ownercare_api.core.crypto import Keyring
from ownercare_api.core.errors import BadRequest, Conflict, Invalid
from ownercare_api.core.idempotency_table import IdempotentAnswer

_COLUMN = "idempotent_answer.answer"
_KEPT_HEADERS = ("etag", "location", "content-type", "content-language")


class KeyInFlight(Conflict):
    """409: the first request with this key is still running."""

    code = "idempotency_in_flight"
    zh = "相同 Idempotency-Key 的请求正在处理中,请稍后重试。"
    en = "A request with this Idempotency-Key is still running; try again shortly."


class KeyReused(Invalid):
    """422: the key was used for another body or route."""

    code = "idempotency_key_reused"
    zh = "此 Idempotency-Key 已用于内容不同的请求。"
    en = "This Idempotency-Key was used for a different request."


class KeyMissing(BadRequest):
    """400: this operation needs an `Idempotency-Key`."""

    code = "idempotency_key_missing"
    zh = "此操作必须带 Idempotency-Key 请求头。"
    en = "This operation needs an Idempotency-Key header."


class KeyMalformed(BadRequest):
    """400: a key has 1 to 255 printable ASCII characters."""

    code = "idempotency_key_malformed"
    zh = "Idempotency-Key 须为 1 至 255 个可打印 ASCII 字符。"
    en = "An Idempotency-Key has 1 to 255 printable ASCII characters."


class Replay(Exception):
    """Carries the stored answer to the route."""

    def __init__(self, response: Response) -> None:
        super().__init__("replay")
        self.response = response


class Authority(Protocol):
    """What a caller may do at present, as far as replays are concerned; set by the principal's dependency."""

    @property
    def authority(self) -> list[dict[str, Any]]:
        """Return it as JSON values."""
        ...

    def require_authority(self, authority: Iterable[dict[str, Any]]) -> None:
        """Raise a refusal unless all of an earlier one is still held."""
        ...


@dataclass(slots=True)
class Reservation:
    """A key that this transaction holds; `keep` stores the answer with the transaction's work."""

    session: AsyncSession
    keyring: Keyring
    caller: str
    key: str
    route: str
    fingerprint: bytes
    authority: list[dict[str, Any]]
    now: datetime
    blank: str | None = None
    """The field of the answer that is null when it is given again, see `shown_once`."""

    async def keep(self, response: Response) -> None:
        """Store the answer of what made something; an error never gets here, so only committed outcomes are kept."""
        if response.status_code == HTTPStatus.OK:
            return
        body = bytes(response.body).decode()
        if self.blank is not None:
            body = json.dumps(json.loads(body) | {self.blank: None}, ensure_ascii=False)
        headers = {name: value for name, value in response.headers.items() if name in _KEPT_HEADERS}
        await self.session.execute(
            insert(IdempotentAnswer).values(
                caller=self.caller,
                key=self.key,
                route=self.route,
                fingerprint=self.fingerprint,
                status=response.status_code,
                headers=json.dumps({"headers": headers, "authority": self.authority}),
                answer=self.keyring.encrypt(body, column=_COLUMN),
                created_at=self.now,
            )
        )


def shown_once(request: Request, field: str) -> None:
    """Keep a secret or a clear value of this request's answer out of the stored answers, where not even the encrypted
    one is: whoever repeats the request with its key gets the same answer with null in its place."""
    reservation: Reservation | None = getattr(request.state, "reservation", None)
    if reservation is not None:
        reservation.blank = field


async def reserve(request: Request, *, session: AsyncSession, keyring: Keyring, now: datetime) -> None:
    """Reserve the request's key until the transaction ends; raises `Replay`, or why the key can't be used.

    An answer is given again only while the caller still holds all that it held when it was made: what the answer shows
    was found with that reach, so whoever has lost a role or a project since is refused.
    """
    key = request.headers.get("idempotency-key")
    if key is None:
        return
    if not (0 < len(key) <= 255 and key.isascii() and key.isprintable()):
        raise KeyMalformed
    caller: str = request.state.caller  # set by the principal's dependency, which runs before
    present: Authority = request.state.authority
    route = f"{request.method} {request.url.path}?{request.url.query}"
    fingerprint = hashlib.sha256(await request.body()).digest()
    lock = int.from_bytes(hashlib.sha256(f"{caller}\0{key}".encode()).digest()[:8], signed=True)
    # The lock goes with the transaction, so a crash frees the key; the read comes after it, so it sees a finished twin.
    if not await session.scalar(select(func.pg_try_advisory_xact_lock(lock))):
        raise KeyInFlight(headers={"Retry-After": "1"})
    table = IdempotentAnswer.__table__.c
    row = (
        await session.execute(
            select(table.route, table.fingerprint, table.status, table.headers, table.answer).where(
                table.caller == caller, table.key == key
            )
        )
    ).one_or_none()
    if row is None:
        request.state.reservation = Reservation(
            session=session,
            keyring=keyring,
            caller=caller,
            key=key,
            route=route,
            fingerprint=fingerprint,
            authority=present.authority,
            now=now,
        )
        return
    if row.route != route or bytes(row.fingerprint) != fingerprint:
        raise KeyReused
    kept = json.loads(row.headers)
    if "headers" not in kept:  # stored before answers carried the authority they were made with
        kept = {"headers": kept, "authority": []}
    present.require_authority(kept["authority"])
    headers = {**kept["headers"], "Idempotency-Replayed": "true", "Cache-Control": "no-store"}
    body = keyring.decrypt(bytes(row.answer), column=_COLUMN)
    raise Replay(Response(body, status_code=row.status, headers=headers))


async def _required(request: Request) -> None:
    if "idempotency-key" not in request.headers:
        raise KeyMissing


KeyRequired = Depends(_required)
"""For operations that move money: refuse a request without a key."""
