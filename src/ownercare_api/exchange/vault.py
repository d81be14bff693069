"""The bytes of rosters: encrypted in the data folder, each file under a key of its own. Everything here blocks.

A file is a row of sealed chunks; a chunk's nonce holds its number and whether it is the last, so that chunks can be
neither swapped nor cut off unnoticed. Whoever deletes the key from the row deletes the file, copies of the disk
included.
"""

import hashlib
import io
import os
import secrets
import tempfile
from collections.abc import Collection, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO
from uuid import UUID

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from ownercare_api.core.crypto import Keyring

KEY_COLUMN = "exchange_file.key"
_CHUNK = 1 << 20
_SEAL = 16


@dataclass(frozen=True, slots=True)
class Kept:
    """What the row of a kept file says of it."""

    key_encrypted: bytes
    size_bytes: int
    sha256: str


class Vault:
    """The folder of the exchanged files."""

    def __init__(self, root: Path, *, keyring: Keyring) -> None:
        self._root = root
        self._keyring = keyring

    def put(self, file_id: UUID, content: BinaryIO) -> Kept:
        """Keep a seekable file durably. The row that names it commits after this; a crash between leaves an orphan."""
        key = secrets.token_bytes(32)
        cipher, digest, size = AESGCM(key), hashlib.sha256(), 0
        self._root.mkdir(mode=0o700, parents=True, exist_ok=True)
        part = self._root / f".{file_id.hex}.part"
        content.seek(0)
        with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as out:
            number, chunk = 0, content.read(_CHUNK)
            while True:
                following = content.read(_CHUNK)
                digest.update(chunk)
                size += len(chunk)
                out.write(cipher.encrypt(_nonce(number, last=not following), chunk, None))
                if not following:
                    break
                number, chunk = number + 1, following
            out.flush()
            os.fsync(out.fileno())
        part.replace(self._path(file_id))
        folder = os.open(self._root, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
        sealed = self._keyring.encrypt(key.hex(), column=KEY_COLUMN)
        return Kept(key_encrypted=sealed, size_bytes=size, sha256=digest.hexdigest())

    def chunks(self, file_id: UUID, *, key_encrypted: bytes) -> Iterator[bytes]:
        """Give the clear bytes; raises `OSError` where they are away and `InvalidTag` where they were changed."""
        cipher = AESGCM(bytes.fromhex(self._keyring.decrypt(key_encrypted, column=KEY_COLUMN)))
        with self._path(file_id).open("rb") as file:
            number, sealed = 0, file.read(_CHUNK + _SEAL)
            while True:
                following = file.read(_CHUNK + _SEAL)
                yield cipher.decrypt(_nonce(number, last=not following), sealed, None)
                if not following:
                    return
                number, sealed = number + 1, following

    def read(self, file_id: UUID, *, key_encrypted: bytes) -> BinaryIO:
        """Return a kept upload in memory; uploads are bounded."""
        return io.BytesIO(b"".join(self.chunks(file_id, key_encrypted=key_encrypted)))

    def scratch(self) -> BinaryIO:
        """Return a temporary file without a name, in this folder: what is written to it is never found again."""
        self._root.mkdir(mode=0o700, parents=True, exist_ok=True)
        return tempfile.TemporaryFile(dir=self._root)

    @property
    def scratch_folder(self) -> Path:
        """Return the folder in which a writer may keep its own temporary files."""
        self._root.mkdir(mode=0o700, parents=True, exist_ok=True)
        return self._root

    def drop(self, file_ids: Collection[UUID]) -> None:
        """Delete the bytes of some files."""
        for file_id in file_ids:
            with suppress(FileNotFoundError):
                self._path(file_id).unlink()

    def aged(self, *, before: float) -> list[UUID]:
        """Return the files untouched since an instant (seconds of the epoch); deletes half-written ones as old."""
        found = []
        for path in self._root.iterdir() if self._root.is_dir() else ():
            with suppress(FileNotFoundError, ValueError):
                if not path.is_file() or path.stat().st_mtime >= before:
                    continue
                if path.name.startswith("."):
                    path.unlink()
                else:
                    found.append(UUID(hex=path.name))
        return found

    def _path(self, file_id: UUID) -> Path:
        return self._root / file_id.hex


def _nonce(number: int, *, last: bool) -> bytes:
    return number.to_bytes(11) + bytes([last])
