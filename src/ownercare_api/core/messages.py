"""Short messages to people (短信), and what takes them.

A gateway takes a message to a number in normal form. It never logs number or text. One that can't deliver now raises:
the job that sends is then tried again, with the same id, by which a gateway knows what it has accepted already.
"""

import json
import os
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Protocol
from uuid import UUID

import anyio.to_thread

OUTBOX = "messages.jsonl"


class Purpose(StrEnum):
    """What a message is for; a gateway may have a template for each."""

    LOGIN_CODE = "login_code"


@dataclass(frozen=True, slots=True)
class Message:
    """A short message; `id` is the same whenever it is sent again."""

    id: UUID
    to: str
    """A mobile in normal form: `+8613812341234`."""
    text: str
    purpose: Purpose

    def __repr__(self) -> str:
        """Show neither number nor text: what is shown may be logged."""
        return f"Message({self.id}, {self.purpose.value})"


class MessageGateway(Protocol):
    """Delivers short messages."""

    async def send(self, message: Message, *, now: datetime) -> None:
        """Deliver a message, or raise where it is worth trying again."""
        ...


class NoMessages:
    """Delivers nothing: an installation without a gateway."""

    async def send(self, message: Message, *, now: datetime) -> None:
        """Drop the message."""


class MessageFile:
    """Appends messages to a file that only its owner can read, one JSON object a line: for trying things out."""

    def __init__(self, path: Path) -> None:
        self._path = path

    async def send(self, message: Message, *, now: datetime) -> None:
        """Append the message."""
        shown = {"at": now.isoformat(), "number": message.to, "text": message.text}
        line = json.dumps(shown, ensure_ascii=False) + "\n"
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
