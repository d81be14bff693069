"""The gateway over HTTPS: a small signed POST for each message, and the choice of what an installation has.

    POST <OWNERCARE_MESSAGES_URL>
    Content-Type: application/json
    Idempotency-Key: <id>
    OwnerCare-Timestamp: <seconds since 1970>
    OwnerCare-Signature: v1=<hex of HMAC-SHA-256(secret, timestamp + "." + body)>

    {"id": …, "to": "+86138…", "text": …, "purpose": "login_code"}

2xx, and 409 for an id that it knows, mean: accepted, never sent again. 408, 425, 429, 5xx and no answer in time: it is
asked again while the message is wanted. Anything else is a refusal for good, which is logged.
"""

import asyncio
import hashlib
import hmac
import json
import ssl
from datetime import datetime

import httpx
import structlog

from ownercare_api.core.messages import OUTBOX, Message, MessageFile, MessageGateway, NoMessages
from ownercare_api.core.settings import Settings

log = structlog.get_logger()

_AGAIN = frozenset({408, 425, 429})


class MessageGatewayAway(Exception):
    """The gateway did not accept a message, and may when it is asked again. Says nothing of the message."""


class HttpsMessages:
    """Sends each message with one signed POST."""

    def __init__(self, *, url: str, secret: str, timeout_seconds: float) -> None:
        self._url, self._secret, self._timeout = url, secret.encode(), timeout_seconds
        self._tls = ssl.create_default_context()

    async def send(self, message: Message, *, now: datetime) -> None:
        """Hand a message over; raises `MessageGatewayAway`."""
        shown = {"id": str(message.id), "to": message.to, "text": message.text, "purpose": message.purpose.value}
        body = json.dumps(shown, ensure_ascii=False).encode()
        try:
            async with asyncio.timeout(self._timeout):
                status = await self._post(body, headers=self._headers(message, body, now=now))
        except (httpx.HTTPError, httpx.InvalidURL, OSError, TimeoutError) as error:
            # Without its cause: what httpx raises holds the request.
            raise MessageGatewayAway(type(error).__name__) from None
        if 200 <= status < 300 or status == 409:
            return
        if status >= 500 or status in _AGAIN:
            raise MessageGatewayAway(str(status))
        log.error("message.refused", message=str(message.id), purpose=message.purpose.value, status=status)

    def _headers(self, message: Message, body: bytes, *, now: datetime) -> dict[str, str]:
        timestamp = str(int(now.timestamp()))
        signature = hmac.new(self._secret, timestamp.encode() + b"." + body, hashlib.sha256).hexdigest()
        return {
            "Content-Type": "application/json",
            "Idempotency-Key": str(message.id),
            "OwnerCare-Timestamp": timestamp,
            "OwnerCare-Signature": f"v1={signature}",
        }

    async def _post(self, body: bytes, *, headers: dict[str, str]) -> int:
        """Return the status; the answer's body is not read."""
        async with (
            httpx.AsyncClient(verify=self._tls, timeout=self._timeout) as client,
            client.stream("POST", self._url, content=body, headers=headers) as answer,
        ):
            return answer.status_code


def gateway(settings: Settings) -> MessageGateway:
    """Return the gateway that `OWNERCARE_MESSAGES` names."""
    if settings.messages == "file":
        return MessageFile(settings.data_dir / OUTBOX)
    if settings.messages == "https":
        assert settings.messages_url is not None
        assert settings.messages_secret is not None
        return HttpsMessages(
            url=settings.messages_url,
            secret=settings.messages_secret.get_secret_value(),
            timeout_seconds=settings.messages_timeout_seconds,
        )
    return NoMessages()
