"""The rows of an import as they are stored: written by chunk, counted, and given back as an error workbook."""

import asyncio
import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any, BinaryIO
from uuid import UUID

from sqlalchemy import delete, func, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from ownercare_api.core.copying import copy_rows, one_of
from ownercare_api.exchange import faults, keeping, sheets, tables
from ownercare_api.exchange.judging import Verdict
from ownercare_api.exchange.lifecycle import RowOutcome
from ownercare_api.exchange.models import ExchangeFile, ExchangePurpose, RosterImport, RosterRow
from ownercare_api.exchange.vault import Vault

BAD = (RowOutcome.INVALID, RowOutcome.NEEDS_CHANGE_REQUEST)

_CHANGE = text(
    "UPDATE roster_row r SET outcome = v.outcome, faults = CAST(v.faults AS jsonb), owner_id = v.owner_id,"
    " unit_id = v.unit_id"
    " FROM unnest(CAST(:numbers AS int[]), CAST(:outcomes AS text[]), CAST(:faults AS text[]),"
    " CAST(:owners AS uuid[]), CAST(:units AS uuid[])) AS v(number, outcome, faults, owner_id, unit_id)"
    " WHERE r.import_id = :import_id AND r.row_number = v.number"
)


async def clear(session: AsyncSession, *, import_id: UUID) -> None:
    """Forget the rows of an earlier run."""
    await session.execute(delete(RosterRow).where(RosterRow.import_id == import_id))


async def add(session: AsyncSession, *, import_id: UUID, verdicts: Sequence[Verdict]) -> None:
    """Write the verdicts of a check."""
    rows = [
        {
            "import_id": import_id,
            "row_number": one.row.number,
            "outcome": one.outcome,
            "faults": [fault.kept() for fault in one.faults],
            "owner_id": one.owner_id,
            "unit_id": one.unit_id,
        }
        for one in verdicts
    ]
    await copy_rows(session, RosterRow, rows)


async def change(session: AsyncSession, *, import_id: UUID, verdicts: Sequence[Verdict]) -> None:
    """Write what became of rows that were checked before."""
    if not verdicts:
        return
    given: dict[str, Any] = {
        "import_id": import_id,
        "numbers": [one.row.number for one in verdicts],
        "outcomes": [one.outcome.value for one in verdicts],
        "faults": [json.dumps([fault.kept() for fault in one.faults]) for one in verdicts],
        "owners": [one.owner_id for one in verdicts],
        "units": [one.unit_id for one in verdicts],
    }
    await session.execute(_CHANGE, given)


async def open_rows(session: AsyncSession, *, import_id: UUID, numbers: Sequence[int]) -> frozenset[int]:
    """Return which of these rows wait to be taken over."""
    table = RosterRow.__table__.c
    query = select(table.row_number).where(
        table.import_id == import_id, one_of(table.row_number, numbers), table.outcome == RowOutcome.VALID
    )
    return frozenset((await session.execute(query)).scalars())


async def counts(session: AsyncSession, *, import_id: UUID) -> dict[str, int]:
    """Return how many rows have each outcome."""
    table = RosterRow.__table__.c
    query = select(table.outcome, func.count()).where(table.import_id == import_id).group_by(table.outcome)
    return {outcome.value: count for outcome, count in await session.execute(query)}


async def keep_error_workbook(
    session: AsyncSession, found: RosterImport, *, vault: Vault, now: datetime
) -> ExchangeFile | None:
    """Make the error workbook of an import from its upload; None where no row is bad or the upload is gone."""
    table = RosterRow.__table__.c
    query = select(table.row_number, table.faults).where(table.import_id == found.id, table.outcome.in_(BAD))
    reasons = {row.row_number: faults.sentence(row.faults) for row in await session.execute(query)}
    file = await session.get_one(ExchangeFile, found.file_id)
    if not reasons or file.key_encrypted is None:
        return None
    key = bytes(file.key_encrypted)

    def write(out: BinaryIO) -> None:
        table = tables.opened(vault.read(file.id, key_encrypted=key), scratch=vault.scratch)
        sheets.error_workbook(out, folder=vault.scratch_folder, heading=table.heading, rows=table.rows, reasons=reasons)

    with vault.scratch() as content:
        await asyncio.to_thread(write, content)
        return await keeping.keep(
            session,
            vault=vault,
            content=content,
            purpose=ExchangePurpose.ERROR_WORKBOOK,
            name=f"{file.name.rpartition('.')[0]}-错误原因.xlsx",
            media_type=keeping.XLSX,
            now=now,
        )
