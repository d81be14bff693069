"""The command line as an operator meets it: a new installation on an outside server, and what goes wrong."""

import os
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlalchemy.engine import make_url
from tests.commands.inside import command
from tests.conftest import _sql


@pytest.fixture
async def empty(postgres: str, worker_id: str) -> AsyncIterator[str]:
    """Give the URL of an empty database, as an operator writes it."""
    name = f"cli_{worker_id}"
    await _sql(postgres, f"DROP DATABASE IF EXISTS {name} WITH (FORCE)", f"CREATE DATABASE {name}")
    url = make_url(postgres).set(database=name, drivername="postgresql")
    yield url.render_as_string(hide_password=False)
    await _sql(postgres, f"DROP DATABASE {name} WITH (FORCE)")


def ownercare(*arguments: str, folder: Path, **environment: str) -> tuple[int, str]:
    """Run a command; returns its exit code and all it printed."""
    done = subprocess.run(
        [sys.executable, "-m", "ownercare_api", *arguments],
        env={**os.environ, "OWNERCARE_DATA_DIR": str(folder), **environment},
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        timeout=120,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


async def test_a_new_installation(empty: str, tmp_path: Path) -> None:
    code, said = ownercare("serve", folder=tmp_path, DATABASE_URL=empty, OWNERCARE_PORT="0")
    assert (code, "ownercare migrate" in said) == (4, True)
    assert ownercare("migrate", folder=tmp_path, DATABASE_URL=empty)[0] == 0
    code, said = ownercare(
        "administrator", "admin", folder=tmp_path, DATABASE_URL=empty, OWNERCARE_PASSWORD="管理员的第一个密码-2026"
    )
    assert (code, "admin" in said) == (0, True), said
    code, said = await command(
        "administrator", "admin", folder=tmp_path, DATABASE_URL=empty, OWNERCARE_PASSWORD="1234567890"
    )
    assert code == 1
    assert "密码" in said
    code, said = ownercare("doctor", folder=tmp_path, DATABASE_URL=empty)
    assert code == 0, said
    assert "✗" not in said


async def test_what_goes_wrong_is_said_in_both_languages(tmp_path: Path) -> None:
    code, said = ownercare("doctor", folder=tmp_path, DATABASE_URL="postgresql://nobody:x@127.0.0.1:1/none")
    assert code == 3
    assert "无法连接数据库" in said
    assert "can't be reached" in said
    code, said = await command("doctor", folder=tmp_path, DATABASE_URL="mysql://nobody:x@127.0.0.1/none")
    assert (code, "PostgreSQL" in said) == (1, True)
    code, said = ownercare("doctor", folder=tmp_path, OWNERCARE_PORT="many", DATABASE_URL="postgresql://x/y")
    assert (code, "port" in said) == (1, True)
    assert "Traceback" not in said
