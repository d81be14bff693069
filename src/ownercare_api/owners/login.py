"""What the login of owners asks of their records (`identity.directory.OwnerBook`)."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import Select, select

from ownercare_api.core.crypto import Keyring
from ownercare_api.identity.directory import OwnerOfPhone
from ownercare_api.owners import sealing
from ownercare_api.owners.models import Owner, OwnerPhone
from ownercare_api.owners.service import Connection

_MAY = (Owner.merged_into.is_(None), Owner.erased_at.is_(None))
"""Records that were merged into another, or erased, let nobody in. One whose use is restricted (限制处理) does: the
person keeps the right to look."""


@dataclass(frozen=True, slots=True)
class LoginBook:
    """Who may log in with a number."""

    keyring: Keyring

    def phone_indexes(self, number: str) -> list[bytes]:
        """Return the blind indexes of a number in normal form; the first is the one to store."""
        return self.keyring.blind_indexes(number, column=sealing.PHONE)

    async def owners_of_phone(self, connection: Connection, indexes: Collection[bytes]) -> list[OwnerOfPhone]:
        """Return the owners whose number this is now and who may log in."""
        return await login_candidates(connection, keyring=self.keyring, phone_indexes=indexes)

    async def number(self, connection: Connection, indexes: Collection[bytes]) -> str | None:
        """Return the number itself; None when no owner who may log in has it."""
        found = await connection.execute(_with_phone(OwnerPhone.number_encrypted, indexes=indexes).limit(1))
        sealed = found.scalar()
        return None if sealed is None else self.keyring.decrypt(bytes(sealed), column=sealing.PHONE)

    async def may_log_in(self, connection: Connection, owner_id: UUID) -> bool:
        """Say whether an owner's record is neither erased nor merged into another."""
        return (await connection.execute(select(Owner.id).where(Owner.id == owner_id, *_MAY))).scalar() is not None


async def login_candidates(
    connection: Connection, *, keyring: Keyring, phone_indexes: Collection[bytes]
) -> list[OwnerOfPhone]:
    """Return the owners whose number this is now and who may log in with it, with the end of their documents."""
    query = _with_phone(Owner.id, Owner.document_encrypted, indexes=phone_indexes).distinct()
    return [
        OwnerOfPhone(owner_id=row.id, document_last4=_last4(keyring, row.document_encrypted))
        for row in (await connection.execute(query)).all()
    ]


def _with_phone(*columns: Any, indexes: Collection[bytes]) -> Select[Any]:
    return (
        select(*columns)
        .join(Owner, Owner.id == OwnerPhone.owner_id)
        .where(OwnerPhone.number_index.in_(list(indexes)), OwnerPhone.may_log_in, *_MAY)
        .select_from(OwnerPhone)
    )


def _last4(keyring: Keyring, sealed: bytes | None) -> str | None:
    if sealed is None:
        return None
    number = keyring.decrypt(bytes(sealed), column=sealing.DOCUMENT)
    return number[-4:] if len(number) >= 6 else None
