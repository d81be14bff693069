"""Short messages to people (短信), through whatever an installation has for it.

A gateway takes a number in normal form and a text. It never logs either. One that can't deliver raises: the job that
sends is then tried again.
"""

import json
import os
from datetime import datetime
from pathlib import Path
from typing import Protocol

import anyio.to_thread

from ownercare_api.core.settings import Settings

OUTBOX = "messages.jsonl"


class MessageGateway(Protocol):
    """Delivers short messages."""

    async def send(self, *, number: str, text: str, now: datetime) -> None:
        """Deliver a text to a mobile in normal form."""
        ...


class NoMessages:
    """Delivers nothing: an installation without a gateway."""

    async def send(self, *, number: str, text: str, now: datetime) -> None:
        """Drop the message."""


class MessageFile:
    """Appends messages to a file that only its owner can read, one JSON object a line: for trying things out."""

    def __init__(self, path: Path) -> None:
        self._path = path

    async def send(self, *, number: str, text: str, now: datetime) -> None:
        """Append the message."""
        line = json.dumps({"at": now.isoformat(), "number": number, "text": text}, ensure_ascii=False) + "\n"
        await anyio.to_thread.run_sync(self._append, line.encode())

    def _append(self, line: bytes) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW
        descriptor = os.open(self._path, flags, 0o600)
        try:
            os.fchmod(descriptor, 0o600)  # also when the file was there before
            os.write(descriptor, line)  # one write: lines of several workers do not mix
        finally:
            os.close(descriptor)


def gateway(settings: Settings) -> MessageGateway:
    """Return the gateway that `OWNERCARE_MESSAGES` names."""
    return MessageFile(settings.data_dir / OUTBOX) if settings.messages == "file" else NoMessages()
