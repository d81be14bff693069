"""Answers kept for `Idempotency-Key` that show a person's data, found by looking into them."""

import re
from collections.abc import Callable

from sqlalchemy import delete, select, tuple_
from sqlalchemy.ext.asyncio import AsyncSession

from ownercare_api.core.crypto import Keyring
from ownercare_api.core.idempotency_table import IdempotentAnswer
from ownercare_api.core.personal import Person

_COLUMN = "idempotent_answer.answer"
_AT_ONCE = 500


def _about(person: Person) -> Callable[[str, str], bool]:
    """Return what says of a caller and an answer whether it is the person's: his own, about his record or his cases,
    with a number of his, or with his name where his homes or his neighbours' cases are meant."""
    callers = {f"owner:{one}" for one in person.account_ids}
    own = [str(one) for one in (*person.owner_ids, *person.ticket_ids)]
    near = [str(one) for one in (*person.unit_ids, *person.near_ticket_ids)]
    numbers = re.compile(person.everywhere, re.IGNORECASE) if person.everywhere else None

    def about(caller: str, shown: str) -> bool:
        if caller in callers or any(one in shown for one in own) or (numbers and numbers.search(shown)):
            return True
        return any(name in shown for name in person.names) and any(one in shown for one in near)

    return about


async def forget(session: AsyncSession, *, person: Person, keyring: Keyring) -> int:
    """Delete the stored answers that are a person's; returns how many.

    Others stay: a payment that is sent again must still find its first answer.
    """
    keys = (await session.execute(select(IdempotentAnswer.caller, IdempotentAnswer.key))).all()
    about, found = _about(person), []
    for start in range(0, len(keys), _AT_ONCE):
        piece = [(row.caller, row.key) for row in keys[start : start + _AT_ONCE]]
        which = tuple_(IdempotentAnswer.caller, IdempotentAnswer.key).in_(piece)
        for row in (await session.execute(select(*IdempotentAnswer.__table__.c).where(which))).all():
            body = keyring.decrypt(bytes(row.answer), column=_COLUMN) if row.answer else ""
            if about(row.caller, f"{row.route}\n{row.headers}\n{body}"):
                found.append((row.caller, row.key))
    if found:
        gone = tuple_(IdempotentAnswer.caller, IdempotentAnswer.key).in_(found)
        await session.execute(delete(IdempotentAnswer).where(gone))
    return len(found)
