"""What the tests of the embedded PostgreSQL share."""

import json
import os
import signal
import stat
import subprocess
import sys
from pathlib import Path

import asyncpg

from ownercare_api.core.embedded import EmbeddedServer
from ownercare_api.core.embedded_folder import Folder

FAST = {"fsync": "off"}


class Worker:
    """Another process that uses the server, ``embedded_worker.py``; as a context manager it ends there."""

    def __init__(self, data_dir: Path, how: str = "", *, python: str = sys.executable, **environment: str) -> None:
        self.process = subprocess.Popen(
            [python, str(Path(__file__).with_name("embedded_worker.py")), str(data_dir), how],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=os.environ | environment,
            start_new_session=True,
        )

    def __enter__(self) -> "Worker":
        return self

    def __exit__(self, *_: object) -> None:
        self.end()

    def answer(self) -> dict[str, str]:
        """The line it printed: ``url`` and ``version``, or ``error`` and ``message``."""
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert line, "the worker died"
        said: dict[str, str] = json.loads(line)
        return said

    def end(self, how: signal.Signals | None = None) -> None:
        """Let it release and end, or end its process group by a signal."""
        if self.process.returncode is None:
            if how is not None:
                os.killpg(self.process.pid, how)
            self.process.communicate(timeout=30)


def postmaster(data_dir: Path) -> int:
    """The process id of the server."""
    return int((data_dir / "postgres" / "postmaster.pid").read_text().split("\n")[0])


def mode(path: Path) -> int:
    """The permission bits."""
    return stat.S_IMODE(path.stat().st_mode)


def is_stopped(data_dir: Path) -> bool:
    """Whether the server was shut down in order."""
    return not Folder(data_dir).server_alive() and not (data_dir / "postgres" / "postmaster.pid").exists()


async def connect(server: EmbeddedServer, **changes: str) -> "asyncpg.Connection[asyncpg.Record]":
    """A connection by the handle's address."""
    return await asyncpg.connect(server.psql_url, **changes)


async def fetch(server: EmbeddedServer, query: str) -> object:
    """The first value of a query."""
    connection = await connect(server)
    try:
        return await connection.fetchval(query)
    finally:
        await connection.close()


def psql(server: EmbeddedServer, query: str) -> str:
    """The answer of psql."""
    command = [str(server.binaries / "psql"), server.psql_url, "-Atc", query]
    return subprocess.run(command, capture_output=True, check=True, text=True).stdout.strip()
