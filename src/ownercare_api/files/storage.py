"""The bytes of attachments: in the data folder, named by their hash. Everything here blocks; call it in a thread.

Nothing acknowledged is lost: `put` returns when the bytes and their names are on the disk, and only then may the row
that names them commit. The other order never happens, so a crash leaves at worst bytes without a row: orphans, which
`sweep` removes after a day. Deleting a row deletes no bytes either; another row may hold the same content.
"""

import fcntl
import hashlib
import os
import shutil
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import BinaryIO

from ownercare_api.core.ids import uuid7

ORPHAN_AGE = timedelta(hours=24)
"""How long bytes may lie without a row: longer than any request or transaction lives."""
_CHUNK = 1 << 20


@dataclass(frozen=True, slots=True)
class Digest:
    """What a content is named by, and its size."""

    sha256: str
    size_bytes: int


def digest(content: BinaryIO) -> Digest:
    """Return the hash and size of a seekable file. Leaves the position at the beginning."""
    content.seek(0)
    found, size = hashlib.sha256(), 0
    while chunk := content.read(_CHUNK):
        found.update(chunk)
        size += len(chunk)
    content.seek(0)
    return Digest(found.hexdigest(), size)


class Store:
    """The folder of the contents: `<aa>/<sha256>`, files 0600 in folders 0700."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def path(self, sha256: str) -> Path:
        """Return where a content lies."""
        return self._root / sha256[:2] / sha256

    def put(self, content: BinaryIO, *, sha256: str) -> None:
        """Keep a content durably; the same content again replaces itself. Raises `OSError`."""
        target = self.path(sha256)
        self._folder(self._root)
        self._folder(target.parent)
        part = target.parent / f".{uuid7().hex}.part"
        try:
            with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as out:
                content.seek(0)
                shutil.copyfileobj(content, out, _CHUNK)
                out.flush()
                os.fsync(out.fileno())
            with _locked(target.parent) as folder:
                os.replace(part, target)
                os.fsync(folder)
        except BaseException:
            with suppress(FileNotFoundError):
                part.unlink()
            raise

    def aged(self, *, now: datetime) -> list[Path]:
        """Return what has lain untouched for longer than `ORPHAN_AGE`, half-written files included."""
        if not self._root.is_dir():
            return []
        found = (path for folder in self._root.iterdir() if folder.is_dir() for path in folder.iterdir())
        return [path for path in found if _is_aged(path, now=now)]

    def drop(self, paths: Collection[Path], *, now: datetime, age: timedelta = ORPHAN_AGE) -> int:
        """Delete orphans; one that was put again in the meantime, or within `age`, stays. Returns how many went."""
        gone = 0
        for path in paths:
            if not path.parent.is_dir():
                continue
            with _locked(path.parent):
                if _is_aged(path, now=now, age=age):
                    path.unlink()
                    gone += 1
        return gone

    def _folder(self, folder: Path) -> None:
        if not folder.is_dir():
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            above = os.open(folder.parent, os.O_RDONLY)
            try:
                os.fsync(above)
            finally:
                os.close(above)


@contextmanager
def _locked(folder: Path) -> Iterator[int]:
    """Hold a folder against others that put or drop in it; gives its descriptor."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield descriptor
    finally:
        os.close(descriptor)


def _is_aged(path: Path, *, now: datetime, age: timedelta = ORPHAN_AGE) -> bool:
    try:
        return path.stat().st_mtime < (now - age).timestamp()
    except FileNotFoundError:
        return False
