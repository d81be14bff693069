"""`python -m benchmarks.imports`: a roster of 50,000 owners checked and taken over, and hostile files refused.

The roster is made by this process; the work is done by a process of its own, whose seconds and peak memory are told.
"""

import argparse
import asyncio
import json
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from uuid import UUID

from sqlalchemy import text
from tests.exchange.test_tables import HOSTILE, read
from tests.factories.rosters import owner_row, workbook

from ownercare_api.core import embedded, migrations
from ownercare_api.core.clock import system_clock
from ownercare_api.core.database import PooledDatabase
from ownercare_api.core.errors import DomainError
from ownercare_api.core.ids import uuid7
from ownercare_api.exchange.lifecycle import ImportMode
from ownercare_api.identity.models import Account, AccountKind, GrantLevel, RoleGrant
from ownercare_api.policies import service as policies


async def fill(url: str, count: int) -> tuple[UUID, UUID]:
    """Make a project with homes and a clerk; returns their ids."""
    database = PooledDatabase(url, pool_size=1)
    group, region, project, clerk = (uuid7() for _ in range(4))
    now = system_clock()
    async with database.session() as session:
        for statement in (
            "INSERT INTO company (id, level, parent_id, code, name) VALUES (:g, 'group', NULL, 'G', '集团')",
            "INSERT INTO company (id, level, parent_id, code, name) VALUES (:r, 'region', :g, 'R', '区域')",
            "INSERT INTO project (id, region_id, code, name, city, address, has_sales_office) "
            "VALUES (:p, :r, 'P', '基准花园', '杭州', '杭州市', false)",
            "INSERT INTO building (id, project_id, name, floors) SELECT gen_random_uuid(), :p, n || '栋', 20 "
            "FROM generate_series(1, :buildings) n",
            "INSERT INTO unit (id, project_id, building_id, number, address, floor, house_type, purchase_batch, area_cm2) "
            "SELECT gen_random_uuid(), :p, b.id, (n % 2 + 1) || '-' || lpad((n / 10 % 20 + 1)::text, 2, '0') || "
            "lpad((n % 10 + 1)::text, 2, '0'), '基准花园', n / 10 % 20 + 1, '三室', '一期', 1285600 "
            "FROM generate_series(0, :n - 1) n JOIN building b ON b.name = (n / 200 + 1) || '栋'",
        ):
            given = {"g": group, "r": region, "p": project, "n": count, "buildings": (count - 1) // 200 + 1}
            used = {name: value for name, value in given.items() if f":{name}" in statement}
            await session.execute(text(statement), used)
        await policies.open_project(session, place=policies.ProjectPlace(project_id=project, region_id=region), now=now)
        session.add(
            Account(
                id=clerk,
                kind=AccountKind.STAFF,
                username="clerk",
                name="资料员",
                post="records_clerk",
                department="customer_service",
            )
        )
        await session.flush()
        grant = RoleGrant(
            id=uuid7(), account_id=clerk, role="records_clerk", level=GrantLevel.PROJECT, target_id=project
        )
        grant.starts_at = now - timedelta(days=1)
        session.add(grant)
        await session.commit()
    async with database.reader() as reader:
        await reader.execute(text("VACUUM ANALYZE"))
    await database.dispose()
    return project, clerk


def hostile() -> None:
    """Print how long each hostile file takes to be refused."""

    slowest = 0.0
    for name, (make, _, reason) in HOSTILE.items():
        content = make()
        began = time.perf_counter()
        with suppress(DomainError):
            read(content)
        seconds = time.perf_counter() - began
        slowest = max(slowest, seconds)
        print(f"{seconds:6.3f} s  {name}: {reason}")
    print(f"{slowest:6.3f} s  the slowest; two seconds are allowed")


def main() -> None:
    """Run the benchmark, or its child."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=50_000)
    options = parser.parse_args()
    hostile()
    with tempfile.TemporaryDirectory(prefix="ownercare-bench-") as name:
        folder = Path(name)
        roster = folder / "roster.xlsx"
        roster.write_bytes(workbook([owner_row(place) for place in range(options.rows)]))
        print(f"roster: {options.rows} rows, {roster.stat().st_size / 1e6:.1f} MB")
        for mode in ImportMode:
            with embedded.running(data_dir=folder / mode.value, database="bench") as server:
                migrations.upgrade(server.url)
                project, clerk = asyncio.run(fill(server.url, options.rows))
                command = [sys.executable, "-m", "benchmarks.imports_child", server.url, str(folder / mode.value)]
                command += [str(roster), str(project), str(clerk), mode.value]
                printed = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
            print(mode.value)
            for figure, value in json.loads(printed.stdout).items():
                print(f"{value:8.2f}  {figure}")


if __name__ == "__main__":
    main()
