"""The child of `benchmarks.imports`: checks a roster and takes it over, and tells its seconds and peak memory."""

import asyncio
import gc
import io
import json
import sys
import time
from pathlib import Path
from typing import BinaryIO
from uuid import UUID

from ownercare_api import wiring
from ownercare_api.core import jobs
from ownercare_api.core.clock import system_clock
from ownercare_api.core.crypto import Keyring
from ownercare_api.core.database import PooledDatabase
from ownercare_api.core.settings import Settings
from ownercare_api.exchange import imports
from ownercare_api.exchange import jobs as exchange_jobs
from ownercare_api.exchange.lifecycle import ImportMode, RosterKind
from ownercare_api.exchange.models import RosterImport
from ownercare_api.identity.models import Account
from ownercare_api.identity.service import load_person
from ownercare_api.tables import metadata

MASTER = bytes(range(32))


async def work(
    url: str, folder: Path, content: BinaryIO, project: UUID, clerk: UUID, mode: ImportMode
) -> dict[str, float]:
    """Upload, check, confirm and take over; returns seconds and megabytes."""
    database = PooledDatabase(url, pool_size=4)
    desk = wiring.exchange_desk(Settings(data_dir=folder), Keyring.from_master(MASTER))
    handlers = exchange_jobs.handlers(desk)
    assert metadata.tables  # all of them: the mappers know each other
    figures = {"MB before": _megabytes()}

    def timed(name: str, began: float, busy: float) -> None:
        figures[f"seconds to {name}"] = round(time.perf_counter() - began, 2)
        figures[f"of them this process was busy to {name}"] = round(time.process_time() - busy, 2)
        figures[f"MB after {name}"] = _megabytes()

    async with database.session() as session:
        account = await session.get_one(Account, clerk)
        person = await load_person(
            session, account=account, session_id=None, directory=desk.directory, now=system_clock()
        )
    began, busy = time.perf_counter(), time.process_time()
    async with database.session() as session:
        made = await imports.upload(
            session,
            content=content,
            name="名册.xlsx",
            kind=RosterKind.OWNERS,
            mode=mode,
            dry_run=False,
            project_id=project,
            vault=desk.vault,
            principal=person,
            now=system_clock(),
        )
        await session.commit()
    timed("upload", began, busy)
    for name in ("check", "take over"):
        began, busy = time.perf_counter(), time.process_time()
        await jobs.run_next(database, handlers=handlers, now=system_clock())
        timed(name, began, busy)
        async with database.session() as session:
            found = await session.get_one(RosterImport, made.id)
            print(name, found.status, found.counts, file=sys.stderr)
            if name == "check":
                await imports.confirm(session, import_id=made.id, principal=person, now=system_clock())
                await session.commit()
    await database.dispose()
    return figures


def _megabytes() -> float:
    """Return the peak of this process; `getrusage` would count what the parent had when it forked."""
    status = Path("/proc/self/status").read_text()
    return round(int(status.split("VmHWM:")[1].split()[0]) / 1024, 1)


def main() -> None:
    """Do the work that the command line names."""
    url, folder, file, project, clerk, mode = sys.argv[1:]
    content = io.BytesIO(Path(file).read_bytes())
    gc.collect()  # as the worker does when it starts
    gc.freeze()
    print(json.dumps(asyncio.run(work(url, Path(folder), content, UUID(project), UUID(clerk), ImportMode(mode)))))


if __name__ == "__main__":
    main()
