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
from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives.ciphers.aead import AESGCMSIV
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF


def derive(master: bytes, purpose: str) -> bytes:
    """Return a 32-byte key for one purpose from the master key."""
    return HKDF(algorithm=SHA256(), length=32, salt=None, info=purpose.encode()).derive(master)


@dataclass(frozen=True, slots=True)
class Keyring:
    """The keys of an installation, all derived from its master key."""

    fields: AESGCMSIV
    index: bytes
    cursors: bytes
    key_id: int = 1

    @classmethod
    def from_master(cls, master: bytes) -> "Keyring":
        """Build the ring; `master` is 32 random bytes."""
        if len(master) != 32:
            raise ValueError("the master key must be 32 bytes")
        return cls(
            fields=AESGCMSIV(derive(master, "fields/1")),
            index=derive(master, "blind-index/1"),
            cursors=derive(master, "cursors/1"),
        )

    def encrypt(self, text: str, *, column: str) -> bytes:
        """Encrypt a text for one column (named `table.column`)."""
        nonce = os.urandom(12)
        return bytes([self.key_id]) + nonce + self.fields.encrypt(nonce, text.encode(), column.encode())

    def decrypt(self, stored: bytes, *, column: str) -> str:
        """Return the clear text; raises `cryptography.exceptions.InvalidTag` when it was tampered with."""
        return self.fields.decrypt(stored[1:13], stored[13:], column.encode()).decode()

    def blind_index(self, text: str, *, column: str) -> bytes:
        """Return 16 bytes that are equal exactly when the texts are, for one column."""
        return hmac.digest(self.index, f"{column}\0{text}".encode(), hashlib.sha256)[:16]


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
