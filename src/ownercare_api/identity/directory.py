"""What identity asks from the rooms above it: where regions have projects, whose a mobile is, and how to tell history.

Hooks that `app`, `worker` and the commands plug in (`wiring.py`).
"""

from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from ownercare_api.identity.principal import Principal
from ownercare_api.identity.repository import Connection

ProjectsOf = Callable[[Connection, Collection[UUID]], Awaitable[frozenset[UUID]]]


class Record(Protocol):
    """Appends an event to the timeline in the caller's transaction (`timeline.service.record`)."""

    async def __call__(
        self,
        session: AsyncSession,
        *,
        kind: str,
        subject_kind: str,
        subject_id: UUID,
        actor: Principal,
        now: datetime,
        project_id: UUID | None = None,
        firm_id: UUID | None = None,
        rules: tuple[str, ...] = (),
        data: dict[str, Any] | None = None,
    ) -> None:
        """Append the event."""
        ...


@dataclass(frozen=True, slots=True)
class OwnerOfPhone:
    """An owner who may log in with a mobile number."""

    owner_id: UUID
    document_last4: str | None
    """The last four characters of the document, in normal form; None where none is on record."""

    def has_document_ending(self, last4: str) -> bool:
        """Say whether the document ends with four characters; a letter counts in either case."""
        return self.document_last4 is not None and self.document_last4.casefold() == last4.casefold()


class OwnerBook(Protocol):
    """The owners' records, as much as a login needs. A number has several blind indexes while keys are rotated."""

    def phone_indexes(self, number: str) -> list[bytes]:
        """Return the blind indexes of a number in normal form; the first is the one to store."""
        ...

    async def owners_of_phone(self, connection: Connection, indexes: Collection[bytes]) -> Sequence[OwnerOfPhone]:
        """Return the owners whose number this is now and who may log in."""
        ...

    async def number(self, connection: Connection, indexes: Collection[bytes]) -> str | None:
        """Return the number itself, to send a code to; None when no owner who may log in has it."""
        ...

    async def may_log_in(self, connection: Connection, owner_id: UUID) -> bool:
        """Say whether an owner's record is neither erased nor merged into another."""
        ...


@dataclass(frozen=True, slots=True)
class Directory:
    """Hooks that the composition roots plug in."""

    projects_of_regions: ProjectsOf
    owners: OwnerBook
    record: Record
