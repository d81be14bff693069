"""The folder of contents: durable, private, swept."""

import io
import os
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy.ext.asyncio import AsyncSession
from tests.factories.files import JPEG, PDF, make_file
from tests.factories.org import make_org

from ownercare_api.core.ids import uuid7
from ownercare_api.files import service
from ownercare_api.files.storage import Digest, Store, digest

JPEG_SHA = digest(io.BytesIO(JPEG)).sha256


def age(path: Path, hours: float) -> None:
    then = (datetime.now(UTC) - timedelta(hours=hours)).timestamp()
    os.utime(path, (then, then))


def test_contents_lie_under_their_hash_and_are_private(tmp_path: Path) -> None:
    store = Store(tmp_path / "files")
    assert digest(io.BytesIO(JPEG)) == Digest(JPEG_SHA, len(JPEG))
    before = os.umask(0)
    try:
        store.put(io.BytesIO(JPEG), sha256=JPEG_SHA)
    finally:
        os.umask(before)
    path = tmp_path / "files" / JPEG_SHA[:2] / JPEG_SHA
    assert store.path(JPEG_SHA) == path
    assert path.read_bytes() == JPEG
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700
    assert [one.name for one in path.parent.iterdir()] == [JPEG_SHA]


def test_a_failed_write_leaves_nothing(tmp_path: Path) -> None:
    class Broken(io.BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            raise OSError("disk away")

    store = Store(tmp_path)
    with pytest.raises(OSError, match="disk away"):
        store.put(Broken(JPEG), sha256=JPEG_SHA)
    assert list((tmp_path / JPEG_SHA[:2]).iterdir()) == []


def test_the_bytes_are_flushed_before_the_name_and_the_name_before_the_answer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps: list[str] = []
    fsync, replace = os.fsync, os.replace

    def seen_fsync(descriptor: int) -> None:
        steps.append("folder" if os.path.isdir(f"/proc/self/fd/{descriptor}") else "bytes")
        fsync(descriptor)

    def seen_replace(source: Path, target: Path) -> None:
        steps.append("name")
        replace(source, target)

    monkeypatch.setattr(os, "fsync", seen_fsync)
    monkeypatch.setattr(os, "replace", seen_replace)
    store = Store(tmp_path)
    store.put(io.BytesIO(JPEG), sha256=JPEG_SHA)
    assert steps == ["folder", "bytes", "name", "folder"]


def test_many_writers_of_the_same_content_agree(tmp_path: Path) -> None:
    store = Store(tmp_path)
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: store.put(io.BytesIO(JPEG), sha256=JPEG_SHA), range(40)))
    assert [path.name for path in (tmp_path / JPEG_SHA[:2]).iterdir()] == [JPEG_SHA]
    assert store.path(JPEG_SHA).read_bytes() == JPEG


async def test_the_sweep_takes_only_old_contents_without_a_row(session: AsyncSession, tmp_path: Path) -> None:
    now = datetime.now(UTC)
    org = await make_org(session, now=now)
    store = Store(tmp_path)
    contents = {digest(io.BytesIO(one)).sha256: one for one in (JPEG, PDF, b"young orphan")}
    for sha256, content in contents.items():
        store.put(io.BytesIO(content), sha256=sha256)
    held, orphan, young = contents
    file = await make_file(session, project_id=org.project.id, uploaded_by=uuid7(), now=now)
    file.sha256 = held
    await session.flush()
    half_written = store.path(orphan).parent / ".0198c5f0.part"
    half_written.write_bytes(b"x")
    for path in (store.path(held), store.path(orphan), half_written):
        age(path, hours=25)
    age(store.path(young), hours=23)
    assert await service.sweep(session, store=store, now=now) == 2
    assert store.path(held).exists()
    assert store.path(young).exists()
    assert not store.path(orphan).exists()
    assert not half_written.exists()
    assert await service.sweep(session, store=store, now=now) == 0


def test_a_content_put_again_outlives_a_sweep_that_had_chosen_it(tmp_path: Path) -> None:
    store, now = Store(tmp_path), datetime.now(UTC)
    store.put(io.BytesIO(JPEG), sha256=JPEG_SHA)
    age(store.path(JPEG_SHA), hours=48)
    chosen = store.aged(now=now)
    assert chosen == [store.path(JPEG_SHA)]
    store.put(io.BytesIO(JPEG), sha256=JPEG_SHA)
    assert store.drop(chosen, now=now) == 0
    assert store.path(JPEG_SHA).read_bytes() == JPEG
