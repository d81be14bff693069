"""`ownercare audit …` and `ownercare doctor` as an operator meets them: intact, tampered with, restored."""

from pathlib import Path

import asyncpg
import pytest
from tests.commands.inside import command
from tests.commands.test_command_line import empty

__all__ = ["empty"]

_EVENTS = (
    "INSERT INTO event (id, kind, subject_kind, subject_id, actor_kind, actor_id, actor_name, occurred_at, rules, data)"
    " SELECT gen_random_uuid(), 'ticket.chased', 'ticket', gen_random_uuid(), 'system', gen_random_uuid(), '系统',"
    " now(), '{}', '{}' FROM generate_series(1, 5)"
)


@pytest.mark.slow
async def test_the_audit_trail_on_the_command_line(empty: str, tmp_path: Path) -> None:
    async def run(*arguments: str) -> tuple[int, str]:
        return await command(*arguments, folder=tmp_path, DATABASE_URL=empty)

    assert (await run("migrate"))[0] == 0
    code, key = await run("audit", "public-key")
    assert (code, len(key.strip())) == (0, 44)
    assert (await run("audit", "head"))[0] == 1, "nothing is sealed yet"
    code, said = await run("audit", "verify")
    assert (code, "完整 / intact: 0:" in said) == (0, True), said

    connection = await asyncpg.connect(empty)
    await connection.execute(_EVENTS)
    assert "待封存 waiting to be sealed: 5" in (await run("audit", "verify"))[1]
    code, said = await run("doctor")
    assert (code, "ownercare_runtime" in said) == (0, True), said
    code, said = await run("audit", "verify", "--expect", "9:" + "00" * 32)
    assert (code, "[truncated] position 9" in said) == (1, True), said
    assert (await run("audit", "verify", "--expect", "9:00"))[0] == 2
    assert (await run("audit", "verify", "--public-key", "AAAA"))[0] == 2

    # As if it came from a server whose transaction numbers are higher.
    await connection.execute("SET session_replication_role = replica")
    await connection.execute("UPDATE event SET xid = '900000000000'")
    code, said = await run("worker")
    assert (code, "ownercare audit after-restore" in said) == (4, True), said
    code, said = await run("audit", "after-restore")
    assert (code, "transaction numbers mended: +" in said) == (0, True), said
    (tmp_path / "audit-head").write_text("12:" + "ab" * 32)
    code, said = await run("audit", "verify")
    assert (code, "[truncated] position 12" in said) == (1, True), said
    code, said = await run("audit", "after-restore")
    assert (code, "12 sealed entries" in said, "transaction numbers are well" in said) == (0, True, True), said
    assert (await run("audit", "verify"))[0] == 0

    await connection.execute("ALTER TABLE event DISABLE TRIGGER event_append_only")
    await connection.execute("GRANT UPDATE ON event TO ownercare_runtime")
    code, said = await run("doctor")
    assert (code, "append-only triggers off: event" in said) == (1, True), said
    await connection.close()
