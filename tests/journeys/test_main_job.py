"""The main job, end to end on a committed database with the demonstration data, as `make run` plays it."""

from pathlib import Path

import httpx
import pytest
from sqlalchemy import text
from tests.conftest import MASTER

from ownercare_api.app import create_app
from ownercare_api.core.clock import system_clock
from ownercare_api.core.crypto import Keyring
from ownercare_api.core.database import PooledDatabase
from ownercare_api.core.http.state import AppState
from ownercare_api.core.settings import Settings
from ownercare_api.demo import loader, main_job

CLOSED = """
SELECT w.repair_class, w.status, a.total_fen, s.status AS settlement
  FROM ticket t
  JOIN work_order w ON w.ticket_id = t.id
  JOIN final_account a ON a.work_order_id = w.id
  JOIN settlement s ON s.final_account_id = a.id
 WHERE t.status = 'closed'
 ORDER BY a.total_fen
"""
BALANCES = """
SELECT a.id, a.balance_fen, coalesce(sum(p.amount_fen) FILTER (WHERE p.credit_account_id = a.id), 0)
       - coalesce(sum(p.amount_fen) FILTER (WHERE p.debit_account_id = a.id), 0) AS posted
  FROM ledger_account a
  LEFT JOIN ledger_posting p ON a.id IN (p.credit_account_id, p.debit_account_id)
 GROUP BY a.id
"""


@pytest.mark.slow
@pytest.mark.rule("CHN-03")
@pytest.mark.rule("REP-02")
@pytest.mark.rule("REP-08")
@pytest.mark.rule("FIN-01")
@pytest.mark.rule("FIN-02")
@pytest.mark.rule("FIN-03")
@pytest.mark.rule("FIN-09")
@pytest.mark.rule("CMP-14")
async def test_from_the_call_to_the_contractor_s_retention(committed: PooledDatabase, tmp_path: Path) -> None:
    keyring = Keyring.from_master(MASTER)
    await loader.load(committed, keyring=keyring, now=system_clock(), on_progress=lambda _: None)
    app = create_app(AppState(settings=Settings(data_dir=tmp_path), database=committed, keyring=keyring))
    told: list[str] = []
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="http://ownercare.test", timeout=60) as client:
        await main_job.perform(client, say=told.append)
    assert sum("拒绝" in line for line in told) == 11
    async with committed.reader() as connection:
        closed = [tuple(row) for row in await connection.execute(text(CLOSED))]
        assert closed == [
            ("A", "closed", 177_000, "paid"),
            ("B", "closed", 348_500, "paid"),
            ("A", "closed", 2_298_500, "paid"),
        ]
        accounts = (await connection.execute(text(BALANCES))).all()
        assert len(accounts) > 15
        assert all(account.balance_fen == account.posted for account in accounts)
