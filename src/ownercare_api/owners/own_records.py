"""What an owner sees and says around his own record (业主本人): contacts, consents, change requests."""

from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import Select, or_

from ownercare_api.identity.principal import Reach
from ownercare_api.owners import repository_changes, repository_records
from ownercare_api.owners.models_changes import OwnerChange
from ownercare_api.owners.models_records import OwnerContactPerson
from ownercare_api.owners.service import Connection

_NOBODYS = Reach()


async def contacts(connection: Connection, *, owner_id: UUID, today: date) -> Any:
    """Return whom to turn to about an owner at present: the rows of `repository_records.CONTACT`."""
    person = OwnerContactPerson
    present = or_(person.valid_to.is_(None), person.valid_to > today)
    query = repository_records.contacts(owner_id=owner_id).where(present).order_by(person.id)
    return (await connection.execute(query)).all()


async def consents_now(connection: Connection, *, owner_id: UUID) -> dict[str, Any]:
    """Return an owner's latest word on each purpose, by purpose."""
    rows = await connection.execute(repository_records.consents_now(owner_id=owner_id))
    return {row.purpose: row for row in rows}


def consents(*, owner_id: UUID) -> Select[Any]:
    """Return the query of everything an owner said about purposes."""
    return repository_records.consents(owner_id=owner_id)


def changes(*, owner_id: UUID) -> Select[Any]:
    """Return the query of the change requests about an owner, whoever entered them, masked."""
    return repository_changes.changes(_NOBODYS, filters={}, own=owner_id)


async def change_of(connection: Connection, *, change_id: UUID, owner_id: UUID) -> Any:
    """Return one of them, or None."""
    return (await connection.execute(changes(owner_id=owner_id).where(OwnerChange.id == change_id))).one_or_none()
