"""A refusal to somebody, and who keeps a record of it."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from uuid import UUID

from ownercare_api.core.crypto import Keyring
from ownercare_api.core.database import Database
from ownercare_api.core.settings import Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class Denied:
    """One refusal: ids and codes, nothing that was submitted."""

    at: datetime
    caller: str | None
    """`<kind>:<id>`; None where nobody is known to call."""
    operation: str
    method: str
    path: str
    """The operation's template."""
    status: int
    code: str
    project_id: UUID | None
    subject_id: UUID | None
    """The last id in the path."""
    request_id: str
    peer: str | None
    forwarded_for: tuple[str, ...]


class Place(Protocol):
    """What a record needs of a process."""

    settings: Settings
    database: Database
    keyring: Keyring


class DenialLog(ABC):
    """Keeps a record of refusals."""

    @abstractmethod
    async def note(self, place: Place, denied: Denied) -> None:
        """Record a refusal, after its request was rolled back and before it is answered. Never raises."""

    @abstractmethod
    async def close(self, place: Place) -> None:
        """Write what is held back; at the end of a process."""
