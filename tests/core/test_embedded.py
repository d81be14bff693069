"""The embedded PostgreSQL, on real servers: first start, sharing, crashes, errors."""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import asyncpg
import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine
from tests.core.embedded_support import FAST, Worker, connect, fetch, is_stopped, mode, postmaster, psql

from ownercare_api.core import embedded_namespace
from ownercare_api.core.embedded import EmbeddedServer, running, start, stop
from ownercare_api.core.embedded_binaries import (
    BinariesNotFoundError,
    DataFolderError,
    DataVersionError,
    ServerStartError,
    find_binaries,
)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder whose cluster was made and stopped: making one for every test would take most of a second."""
    data_dir = tmp_path_factory.mktemp("embedded")
    start(data_dir=data_dir, settings=FAST).release()
    return data_dir


@pytest.fixture
def data_dir(made: Path) -> Iterator[Path]:
    """The same folder; no test leaves its server running."""
    yield made
    assert stop(data_dir=made) is True


async def test_first_start_serves_sql_durably(tmp_path: Path) -> None:
    said: list[str] = []
    with running(data_dir=tmp_path / "new" / "data", on_progress=said.append) as server:
        assert said[0] == "creating the database files"
        assert said[1] == f"starting PostgreSQL {find_binaries().version}"
        engine = create_async_engine(server.url)
        async with engine.connect() as connection:
            for name, value in {
                "server_version": server.version,
                "server_encoding": "UTF8",
                "timezone": "UTC",
                "fsync": "on",
                "synchronous_commit": "on",
                "full_page_writes": "on",
                "data_checksums": "on",
                "max_connections": "100",
                "shared_buffers": "128MB",
                "listen_addresses": "",
            }.items():
                assert (await connection.execute(text(f"SHOW {name}"))).scalar_one() == value
            locale = text("SELECT datcollate FROM pg_database WHERE datname = current_database()")
            assert (await connection.execute(locale)).scalar_one() in ("C.UTF-8", "C")
            assert (await connection.execute(text("SELECT current_database()"))).scalar_one() == "ownercare"
            assert (await connection.execute(text("SELECT '业主' ILIKE '%主'"))).scalar_one() is True
        await engine.dispose()
        assert psql(server, "SELECT 6 * 7") == "42"
    assert is_stopped(tmp_path / "new" / "data")


async def test_socket_only_private_files_and_scram(data_dir: Path) -> None:
    wish = FAST | {"listen_addresses": "127.0.0.1", "unix_socket_permissions": "0777"}
    with running(data_dir=data_dir, settings=wish) as server:
        assert await fetch(server, "SHOW listen_addresses") == ""
        sockets = {Path(f"/proc/{postmaster(data_dir)}/fd/{n}") for n in range(30)}
        inodes = {link.readlink().name.strip("socket:[]") for link in sockets if link.is_symlink()}
        tcp = [Path(f"/proc/net/{name}") for name in ("tcp", "tcp6")]
        listening = {line.split()[9] for table in tcp if table.exists() for line in table.read_text().splitlines()[1:]}
        assert inodes.isdisjoint(listening)

        assert mode(data_dir / "postgres") == 0o700
        assert mode(data_dir / "postgres" / "ownercare.password") == 0o600
        assert mode(server.socket_dir) == 0o700
        assert mode(server.socket_dir / ".s.PGSQL.5432") == 0o700
        for name in ("log", "start.lock", "users.lock", "server.lock"):
            assert mode(data_dir / f"postgres.{name}") == 0o600

        rules = (data_dir / "postgres" / "pg_hba.conf").read_text().splitlines()
        assert {rule.split()[-1] for rule in rules if rule and rule[0] != "#"} == {"scram-sha-256"}
        stored = await fetch(server, "SELECT rolpassword FROM pg_authid WHERE rolname = 'ownercare'")
        assert str(stored).startswith("SCRAM-SHA-256$4096:")
        for password in ("wrong", ""):
            with pytest.raises(asyncpg.InvalidPasswordError):
                await connect(server, password=password)
        secret = (data_dir / "postgres" / "ownercare.password").read_text()
        assert len(secret) == 43
        assert secret not in repr(server)


async def test_last_of_several_processes_stops_the_server(data_dir: Path) -> None:
    with Worker(data_dir) as first, Worker(data_dir) as second:
        assert first.answer() == second.answer()
        pid = postmaster(data_dir)
        with running(data_dir=data_dir, database='另一个 "库"') as server:
            assert await fetch(server, "SELECT current_database()") == '另一个 "库"'
            first.end()
            second.end()
            assert postmaster(data_dir) == pid
            assert await fetch(server, "SELECT 1") == 1
            assert stop(data_dir=data_dir) is False
    assert is_stopped(data_dir)
    server.release()  # once more does no harm


async def test_killed_server_recovers_with_its_data(data_dir: Path) -> None:
    server = start(data_dir=data_dir)
    await fetch(server, "CREATE TABLE kept (n int)")
    handles = [server]
    for trial in range(3):
        busy = await connect(server)
        await busy.execute(f"INSERT INTO kept VALUES ({trial})")
        killed = postmaster(data_dir)
        os.kill(killed, signal.SIGKILL)
        server = start(data_dir=data_dir)
        handles.append(server)
        busy.terminate()
        assert postmaster(data_dir) != killed
        assert await fetch(server, "SELECT array_agg(n ORDER BY n) FROM kept") == list(range(trial + 1))
    for handle in handles:
        handle.release()
    assert is_stopped(data_dir)


async def test_killed_user_is_not_counted(data_dir: Path) -> None:
    with Worker(data_dir) as worker:
        assert worker.answer()["version"]
        worker.end(signal.SIGKILL)
    pid = postmaster(data_dir)
    server = start(data_dir=data_dir, settings=FAST)
    assert postmaster(data_dir) == pid
    assert await fetch(server, "SELECT 1") == 1
    server.release()
    assert is_stopped(data_dir)


def test_stop_ends_a_server_that_has_no_user_left(data_dir: Path) -> None:
    with Worker(data_dir) as worker:
        assert worker.answer()["version"]
        assert stop(data_dir=data_dir) is False
        worker.end(signal.SIGKILL)
    assert not is_stopped(data_dir)
    assert stop(data_dir=data_dir) is True
    assert is_stopped(data_dir)


def test_eight_processes_race_for_one_first_server(tmp_path: Path) -> None:
    workers = [Worker(tmp_path) for _ in range(8)]
    try:
        assert len({worker.answer()["url"] for worker in workers}) == 1
        assert (tmp_path / "postgres.log").read_text().count("ready to accept connections") == 1
    finally:
        with ThreadPoolExecutor(8) as threads:
            list(threads.map(Worker.end, workers))
    assert is_stopped(tmp_path)
    assert list(tmp_path.glob("postgres.new-*")) == []


def test_threads_of_one_process_share(data_dir: Path) -> None:
    with ThreadPoolExecutor(4) as threads:
        servers = list(threads.map(lambda _: start(data_dir=data_dir, settings=FAST), range(4)))
        assert {server.url for server in servers} == {servers[0].url}
        list(threads.map(EmbeddedServer.release, servers))
    assert is_stopped(data_dir)


def test_ctrl_c_in_one_process_leaves_the_server_to_the_others(data_dir: Path) -> None:
    with Worker(data_dir) as worker:
        assert worker.answer()["version"]
        pid = postmaster(data_dir)
        with running(data_dir=data_dir) as server:
            worker.end(signal.SIGINT)  # its whole process group, as a terminal does
            assert worker.process.returncode != 0
            assert postmaster(data_dir) == pid
            assert psql(server, "SELECT 1") == "1"
    assert is_stopped(data_dir)


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
def test_root_gets_a_namespace(data_dir: Path) -> None:
    with running(data_dir=data_dir, settings=FAST):
        inside, outside, count = Path(f"/proc/{postmaster(data_dir)}/uid_map").read_text().split()
        if count != "1":
            pytest.skip("user namespaces are refused here")
        assert int(inside) != 0
        assert outside == "0"
    assert {path.stat().st_uid for path in data_dir.rglob("*")} == {0}


def test_zombie_or_reused_process_id_is_no_server(data_dir: Path) -> None:
    with subprocess.Popen(["sleep", "60"]) as stranger, subprocess.Popen(["true"]) as zombie:
        stat_file = Path(f"/proc/{zombie.pid}/stat")
        while ") Z " not in stat_file.read_text():
            time.sleep(0.001)
        for pid in (stranger.pid, zombie.pid):
            (data_dir / "postgres" / "postmaster.pid").write_text(f"{pid}\n{data_dir}/postgres\n1\n5432\n\n\n")
            (data_dir / "postgres.socket").mkdir(exist_ok=True)
            (data_dir / "postgres.socket" / ".s.PGSQL.5432.lock").write_text(f"{pid}\n")
            with running(data_dir=data_dir, settings=FAST) as server:
                assert psql(server, "SELECT 1") == "1"
                assert postmaster(data_dir) != pid
        assert stranger.poll() is None
        stranger.kill()


def test_server_of_somebody_else_on_our_cluster(data_dir: Path) -> None:
    with start(data_dir=data_dir, settings=FAST) as server:
        programs = server.binaries
    identity = "namespace:1" if os.geteuid() == 0 else "self"
    launch = [sys.executable, embedded_namespace.__file__, identity, str(data_dir), ""]
    command = [str(programs / "postgres"), "-D", str(data_dir / "postgres"), "-F", "-k", str(data_dir)]
    with subprocess.Popen([*launch, *command, "-h", ""], stderr=subprocess.DEVNULL) as theirs:
        while not (data_dir / ".s.PGSQL.5432").exists():
            time.sleep(0.005)
        with pytest.raises(DataFolderError, match=f"process {theirs.pid}"):
            start(data_dir=data_dir)
        assert theirs.poll() is None
        theirs.send_signal(signal.SIGINT)


def test_deep_or_oddly_named_folder_gets_a_short_private_socket(tmp_path: Path, data_dir: Path) -> None:
    cluster = data_dir / "postgres"
    data_dir = tmp_path / "业主 data&more" / ("deep" * 20)
    shutil.copytree(cluster, data_dir / "postgres")
    with running(data_dir=data_dir, settings=FAST) as server, running(data_dir=data_dir) as other:
        place = server.socket_dir
        assert place.parent == Path("/tmp")  # noqa: S108
        assert mode(place) == 0o700
        assert other.socket_dir == place
        assert psql(server, "SELECT 1") == "1"
    assert not place.exists()
    assert is_stopped(data_dir)


def test_data_of_another_version(tmp_path: Path) -> None:
    (tmp_path / "postgres").mkdir()
    (tmp_path / "postgres" / "PG_VERSION").write_text("14\n")
    with pytest.raises(DataVersionError) as caught:
        start(data_dir=tmp_path)
    for message in (caught.value.en, caught.value.zh):
        assert "PostgreSQL 14" in message
        assert find_binaries().version in message


def test_folder_that_cannot_be_used(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(DataFolderError, match="cannot be used or written") as caught:
        start(data_dir=tmp_path / "file" / "data")
    assert "数据目录" in caught.value.zh

    cluster = tmp_path / "data" / "postgres"
    cluster.mkdir(parents=True)
    (cluster / "letter.txt").write_text("mine")
    with pytest.raises(DataFolderError, match="not a PostgreSQL data directory"):
        start(data_dir=tmp_path / "data")
    assert (cluster / "letter.txt").read_text() == "mine"

    (cluster / "PG_VERSION").write_text(f"{find_binaries().major}\n")
    with pytest.raises(DataFolderError, match=r"No such file or directory: .*ownercare\.password"):
        start(data_dir=tmp_path / "data")
    assert is_stopped(tmp_path / "data")


def test_failed_start_shows_the_log(data_dir: Path) -> None:
    with pytest.raises(ServerStartError, match='invalid value for parameter "shared_buffers": "much"') as caught:
        start(data_dir=data_dir, settings={"shared_buffers": "much"})
    assert "启动失败" in caught.value.zh
    start(data_dir=data_dir, settings=FAST).release()
    assert is_stopped(data_dir)


def test_no_programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PG_BIN", str(tmp_path))
    with pytest.raises(BinariesNotFoundError, match=r"PG_BIN: .*: no initdb there") as caught:
        start(data_dir=tmp_path / "data")
    assert "找不到 PostgreSQL 15" in caught.value.zh
    assert not (tmp_path / "data").exists()


def test_systems_own_programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = sorted(Path("/usr/lib/postgresql").glob("1[5-9]/bin/initdb"))
    if not found:
        pytest.skip("no PostgreSQL packaged by the system")
    monkeypatch.setenv("PG_BIN", str(found[0].parent))
    assert find_binaries().source == "PG_BIN"
    with running(data_dir=tmp_path, settings=FAST) as server:
        assert server.version.partition(".")[0] == found[0].parent.parent.name
        assert psql(server, "SHOW data_checksums") == "on"
        assert psql(server, "SHOW timezone") == "UTC"
