"""The hash chain: what of a row is sealed, how links follow from one another, how checkpoints are signed.

`digest = SHA-256(digest before || canonical form)`, beginning with 32 zero bytes. The canonical form of a row is what
PostgreSQL sends for it in its binary protocol, type, length and bytes of every column, after a name with a version.
docs/audit.md shows how to compute it without this program.
"""

import base64
import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from ownercare_api.core.crypto import derive

GENESIS = bytes(32)

STREAMS = ("event", "denial")
"""The sealed tables; each has `seq` and `xid`."""

FORM: Mapping[str, tuple[str, ...]] = {
    "event": (
        "seq",
        "id",
        "kind",
        "subject_kind",
        "subject_id",
        "ticket_id",
        "project_id",
        "firm_id",
        "actor_kind",
        "actor_id",
        "actor_name",
        "occurred_at",
        "rules",
        "data",
        "xid",
    ),
    "denial": (
        "seq",
        "at",
        "actor_kind",
        "actor_id",
        "operation",
        "method",
        "path",
        "status",
        "code",
        "project_id",
        "subject_id",
        "request_id",
        "source",
        "count",
        "xid",
    ),
}
"""Every column of the sealed tables, in the order of the canonical form."""


def canonical_sql(stream: str, *, alias: str) -> str:
    """Return the SQL expression of a row's canonical form, as bytes."""
    columns = ", ".join(f"{alias}.{name}" for name in FORM[stream])
    return f"pg_catalog.record_send(ROW('{stream}/1'::text, {columns}))"


def link(previous: bytes, canonical: bytes) -> bytes:
    """Return the digest that follows from the one before and a row."""
    return hashlib.sha256(previous + canonical).digest()


@dataclass(frozen=True, slots=True)
class Head:
    """A place in the chain and its digest: whoever keeps one elsewhere can tell later whether history was rewritten."""

    position: int
    digest: bytes

    def __str__(self) -> str:
        return f"{self.position}:{self.digest.hex()}"

    @classmethod
    def parse(cls, text: str) -> "Head":
        """Read `<position>:<digest in hexadecimal>`; raises `ValueError`."""
        position, _, digest = text.strip().partition(":")
        head = cls(int(position), bytes.fromhex(digest))
        if head.position < 1 or len(head.digest) != 32:
            raise ValueError("a head is <position>:<64 hexadecimal digits>")
        return head


BEGINNING = Head(0, GENESIS)


@dataclass(frozen=True, slots=True)
class Tail:
    """How far a stream is sealed: transaction and number of the last row, and the highest number so far."""

    xid: int = 0
    seq: int = 0
    highest: int = 0


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A signed end of a batch."""

    number: int
    head: Head
    entries: int
    at: datetime
    next_xid: int
    tails: Mapping[str, Tail]
    key_id: str = ""
    signature: bytes = b""

    def message(self) -> bytes:
        """Return what is signed."""
        lines = [
            "ownercare audit checkpoint 1",
            f"number {self.number}",
            f"head {self.head}",
            f"entries {self.entries}",
            f"at {self.at.astimezone(UTC):%Y-%m-%dT%H:%M:%S.%fZ}",
            f"next {self.next_xid}",
            *(f"{stream} {tail.xid} {tail.seq} {tail.highest}" for stream, tail in sorted(self.tails.items())),
            f"key {self.key_id}",
        ]
        return "\n".join(lines).encode()

    def columns(self) -> dict[str, Any]:
        """Return the row of `audit_checkpoint`."""
        row: dict[str, Any] = {
            "number": self.number,
            "position": self.head.position,
            "digest": self.head.digest,
            "entries": self.entries,
            "at": self.at,
            "next_xid": self.next_xid,
            "key_id": self.key_id,
            "signature": self.signature,
        }
        for stream, tail in self.tails.items():
            row |= {f"{stream}_xid": tail.xid, f"{stream}_seq": tail.seq, f"{stream}_highest": tail.highest}
        return row

    @classmethod
    def of_row(cls, row: Mapping[str, Any]) -> "Checkpoint":
        """Read a row of `audit_checkpoint`."""
        tails = {
            stream: Tail(row[f"{stream}_xid"], row[f"{stream}_seq"], row[f"{stream}_highest"]) for stream in STREAMS
        }
        return cls(
            number=row["number"],
            head=Head(row["position"], bytes(row["digest"])),
            entries=row["entries"],
            at=row["at"],
            next_xid=row["next_xid"],
            tails=tails,
            key_id=row["key_id"],
            signature=bytes(row["signature"]),
        )


NOTHING_SEALED = Checkpoint(
    number=0,
    head=BEGINNING,
    entries=0,
    at=datetime(1970, 1, 1, tzinfo=UTC),
    next_xid=0,
    tails={stream: Tail() for stream in STREAMS},
)
"""Before the first checkpoint."""


class SealKey:
    """The key that signs checkpoints, derived from the master key: who has the database alone can't forge one."""

    def __init__(self, master: bytes) -> None:
        self._private = Ed25519PrivateKey.from_private_bytes(derive(master, "audit-seal/1"))
        self.public = PublicKey(self._private.public_key().public_bytes_raw())

    def sign(self, checkpoint: Checkpoint) -> Checkpoint:
        """Return the checkpoint with key and signature."""
        named = replace(checkpoint, key_id=self.public.id)
        return replace(named, signature=self._private.sign(named.message()))


@dataclass(frozen=True, slots=True)
class PublicKey:
    """A key that verifies checkpoints; 32 bytes, written as base64."""

    raw: bytes

    @property
    def id(self) -> str:
        """Return the key's name in checkpoints."""
        return hashlib.sha256(self.raw).hexdigest()[:16]

    def __str__(self) -> str:
        return base64.b64encode(self.raw).decode()

    @classmethod
    def parse(cls, text: str) -> "PublicKey":
        """Read a printed key; raises `ValueError`."""
        raw = base64.b64decode(text.strip(), validate=True)
        if len(raw) != 32:
            raise ValueError("a public key is 32 bytes as base64")
        return cls(raw)


def is_genuine(checkpoint: Checkpoint, *, keys: Iterable[PublicKey]) -> bool:
    """Say whether one of the keys signed a checkpoint as it stands."""
    for key in keys:
        if key.id != checkpoint.key_id:
            continue
        try:
            Ed25519PublicKey.from_public_bytes(key.raw).verify(checkpoint.signature, checkpoint.message())
        except (InvalidSignature, ValueError):
            continue
        return True
    return False
