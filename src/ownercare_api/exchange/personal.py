"""The room's part of copies and erasure of personal data: rosters that came in or went out with the person in them.

A file is encrypted under a key of its own: without the key it is gone, whatever copies of the disk there are.
"""

from datetime import datetime
from typing import Any

from sqlalchemy import or_, select, union
from sqlalchemy.ext.asyncio import AsyncSession

from ownercare_api.core.crypto import Keyring
from ownercare_api.core.personal import ERASED_TEXT, Person, plain, wipe
from ownercare_api.exchange.lifecycle import ImportStatus
from ownercare_api.exchange.models import ExchangeFile, RosterExport, RosterImport, RosterRow
from ownercare_api.properties.models import Unit

_FILE, _IMPORT, _ROW, _EXPORT = (one.__table__ for one in (ExchangeFile, RosterImport, RosterRow, RosterExport))
_OPEN = (ImportStatus.UPLOADED, ImportStatus.CHECKING, ImportStatus.CHECKED, ImportStatus.APPLYING)
"""An import under way goes on; its file goes within seven days."""


def _exports(person: Person) -> Any:
    return _EXPORT.c.owner_ids.op("&&")(list(person.owner_ids))


async def erase(session: AsyncSession, *, person: Person, keyring: Keyring, now: datetime) -> dict[str, int]:
    """Take the keys of the files that hold the person: exports, imports, and ended imports of his projects, whose
    refused rows name nobody and may be his."""
    count: dict[str, int] = {}
    projects = select(Unit.project_id).where(Unit.id.in_(list(person.unit_ids)))
    rows = select(_ROW.c.import_id).where(_ROW.c.owner_id.in_(list(person.owner_ids)))
    ended = _IMPORT.c.project_id.in_(projects) & _IMPORT.c.status.not_in(_OPEN)
    imports = or_(_IMPORT.c.id.in_(rows), ended)
    files = union(
        select(_IMPORT.c.file_id).where(imports),
        select(_IMPORT.c.error_file_id).where(imports, _IMPORT.c.error_file_id.is_not(None)),
        select(_EXPORT.c.file_id).where(_exports(person), _EXPORT.c.file_id.is_not(None)),
    )
    kept = _FILE.c.id.in_(files) & _FILE.c.key_encrypted.is_not(None)
    await wipe(session, ExchangeFile, where=kept, count=count, key_encrypted=None, name=ERASED_TEXT)
    asked = {"filters": {}, "purpose": ERASED_TEXT}
    await wipe(session, RosterExport, where=_exports(person), count=count, **asked)
    return count


async def collect(session: AsyncSession, *, person: Person, keyring: Keyring) -> dict[str, Any]:
    """Return which exports held the person."""
    columns = [_EXPORT.c.id, _EXPORT.c.kind, _EXPORT.c.purpose, _EXPORT.c.requested_by_name, _EXPORT.c.ready_at]
    found = await session.execute(select(*columns).where(_exports(person)).order_by(_EXPORT.c.id))
    return {"exports": [plain(row) for row in found]}
