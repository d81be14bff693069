"""Encryption of personal fields and keyed blind indexes for exact search (OWN-07, OWN-15).

A stored value is `key id (1 byte) || nonce (12) || AES-GCM-SIV ciphertext`; the column's name is bound in as
associated data, so that a value moved to another column does not decrypt.
"""

import base64
import hashlib
import hmac
import json
import os
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from cryptography.hazmat.primitives.ciphers.aead import AESGCMSIV
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF


def derive(master: bytes, purpose: str) -> bytes:
    """Return a 32-byte key for one purpose from the master key."""
    return HKDF(algorithm=SHA256(), length=32, salt=None, info=purpose.encode()).derive(master)


class KeyState(StrEnum):
    """Where a field key stands in its life."""

    PREPARED = "prepared"
    """every process learns it; nothing is written with it yet"""
    ACTIVE = "active"
    """new values are written with it"""
    DRAINING = "draining"
    """what was written with it is being rewritten"""
    RETIRED = "retired"
    """nothing in the database is written with it"""


@dataclass(frozen=True, slots=True)
class FieldKey:
    """One key for personal fields and for the blind indexes beside them."""

    id: int
    cipher: AESGCMSIV
    index: bytes
    state: KeyState


@dataclass(frozen=True, slots=True)
class StoredKey:
    """A row of `field_key`; `wrapped` is None for the first key, which follows from the master key."""

    id: int
    state: KeyState
    wrapped: bytes | None


class UnknownKey(LookupError):
    """A value was written with a key that this process has not learnt."""


class Keyring:
    """The keys of an installation: derived from its master key, or wrapped under it in the table `field_key`.

    A process learns of keys by `adopt`, every few seconds. Until it does it has the first key only.
    """

    def __init__(self, master: bytes) -> None:
        if len(master) != 32:
            raise ValueError("the master key must be 32 bytes")
        self.cursors = derive(master, "cursors/1")
        self._locks = derive(master, "locks/1")
        self._wrapping = AESGCMSIV(derive(master, "field-keys/1"))
        self._first = (AESGCMSIV(derive(master, "fields/1")), derive(master, "blind-index/1"))
        self._known: dict[int, FieldKey] = {}
        self._writing = 0
        self._searching: tuple[FieldKey, ...] = ()
        self.adopt([StoredKey(1, KeyState.ACTIVE, None)])

    @classmethod
    def from_master(cls, master: bytes) -> "Keyring":
        """Build the ring; `master` is 32 random bytes."""
        return cls(master)

    @property
    def key_id(self) -> int:
        """Return the id of the key that new values are written with."""
        return self._writing

    def wrap_new(self, key_id: int) -> bytes:
        """Return a new random key as it is kept in `field_key`."""
        nonce = os.urandom(12)
        return nonce + self._wrapping.encrypt(nonce, secrets.token_bytes(32), f"field_key/{key_id}".encode())

    def adopt(self, rows: Iterable[StoredKey]) -> None:
        """Take over the keys of the installation as they stand; exactly one of them is active."""
        known = {row.id: self._opened(row) for row in rows}
        (writing,) = (key.id for key in known.values() if key.state is KeyState.ACTIVE)
        live = sorted((key for key in known.values() if key.state is not KeyState.RETIRED), key=lambda key: -key.id)
        # The key that most values are written with comes first, and is the only one outside a rotation.
        searching = (known[writing], *(key for key in live if key.id != writing))
        self._known, self._searching, self._writing = known, searching, writing

    def _opened(self, row: StoredKey) -> FieldKey:
        if row.wrapped is None:
            cipher, index = self._first
        else:
            secret = self._wrapping.decrypt(row.wrapped[:12], row.wrapped[12:], f"field_key/{row.id}".encode())
            cipher, index = AESGCMSIV(derive(secret, "fields")), derive(secret, "blind-index")
        return FieldKey(id=row.id, cipher=cipher, index=index, state=row.state)

    def encrypt(self, text: str, *, column: str) -> bytes:
        """Encrypt a text for one column (named `table.column`)."""
        nonce, key = os.urandom(12), self._known[self._writing]
        return bytes([key.id]) + nonce + key.cipher.encrypt(nonce, text.encode(), column.encode())

    def decrypt(self, stored: bytes, *, column: str) -> str:
        """Return the clear text; raises `cryptography.exceptions.InvalidTag` when it was tampered with, `UnknownKey`
        where this process has not learnt of its key."""
        key = self._known.get(stored[0])
        if key is None:
            raise UnknownKey(stored[0])
        return key.cipher.decrypt(stored[1:13], stored[13:], column.encode()).decode()

    def blind_index(self, text: str, *, column: str) -> bytes:
        """Return 16 bytes to store beside a value: equal exactly when the texts are, for one column and one key."""
        return _digest(self._known[self._writing].index, text, column=column)

    def blind_indexes(self, text: str, *, column: str) -> list[bytes]:
        """Return what to search for: the blind index under every key that a stored value may still be written with,
        one outside a rotation and two within. Searches and checks for twins ask for all of them."""
        return [_digest(key.index, text, column=column) for key in self._searching]

    def lock_key(self, text: str, *, column: str) -> int:
        """Return a number for an advisory lock on a value, the same in every process and through every rotation."""
        return int.from_bytes(_digest(self._locks, text, column=column)[:8], signed=True)


def _digest(key: bytes, text: str, *, column: str) -> bytes:
    return hmac.digest(key, f"{column}\0{text}".encode(), hashlib.sha256)[:16]


def load_master_key(*, configured: str | None, data_dir: Path) -> bytes:
    """Return the configured master key, or the one kept in the data folder, made on first use with mode 0600."""
    if configured:
        return base64.urlsafe_b64decode(configured + "=" * (-len(configured) % 4))
    path = data_dir / "secrets.json"
    if not path.exists():
        data_dir.mkdir(parents=True, exist_ok=True)
        made = base64.urlsafe_b64encode(secrets.token_bytes(32)).decode()
        scratch = path.with_suffix(f".{os.getpid()}")
        descriptor = os.open(scratch, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as file:
            json.dump({"master_key": made}, file)
        try:
            os.link(scratch, path)  # atomic, and never overwrites the key of a faster process
        except FileExistsError:
            pass
        finally:
            scratch.unlink()
    return base64.urlsafe_b64decode(json.loads(path.read_text())["master_key"])
