"""What a file really is, by its first bytes; the claimed type and name are never believed."""

import struct
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from typing import BinaryIO

from ownercare_api.files.models import FilePurpose

HEAD_BYTES = 512
"""How much of the beginning decides."""


@dataclass(frozen=True, slots=True)
class MediaKind:
    """A type that we keep; the first of `suffixes` is given to names that have another."""

    media_type: str
    suffixes: tuple[str, ...]


JPEG = MediaKind("image/jpeg", ("jpg", "jpeg"))
PNG = MediaKind("image/png", ("png",))
WEBP = MediaKind("image/webp", ("webp",))
HEIC = MediaKind("image/heic", ("heic", "heif"))
PDF = MediaKind("application/pdf", ("pdf",))
MP3 = MediaKind("audio/mpeg", ("mp3",))
WAV = MediaKind("audio/wav", ("wav",))
M4A = MediaKind("audio/mp4", ("m4a",))
XLSX = MediaKind("application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", ("xlsx",))

KINDS: Mapping[str, MediaKind] = {kind.media_type: kind for kind in (JPEG, PNG, WEBP, HEIC, PDF, MP3, WAV, M4A, XLSX)}
"""Every type that we keep, by its name."""

_IMAGES = frozenset({JPEG, PNG, WEBP, HEIC})
FOR_PURPOSE: Mapping[FilePurpose, frozenset[MediaKind]] = {
    FilePurpose.PHOTO_BEFORE: _IMAGES,
    FilePurpose.PHOTO_AFTER: _IMAGES,
    FilePurpose.PHOTO_SITE: _IMAGES,
    FilePurpose.SIGNATURE: _IMAGES,
    FilePurpose.RECORDING: frozenset({MP3, WAV, M4A}),
    FilePurpose.DOCUMENT: _IMAGES | {PDF, XLSX},
}
"""What each purpose may be."""

_HEIC_BRANDS = frozenset({b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"})
_M4A_BRANDS = frozenset({b"M4A ", b"M4B "})


def sniff(content: BinaryIO) -> MediaKind | None:
    """Return the kind of a seekable file, or None where it is none of ours. Leaves the position at the beginning."""
    content.seek(0)
    head = content.read(HEAD_BYTES)
    try:
        if head.startswith(b"PK\x03\x04"):
            return XLSX if _is_workbook(content) else None
        return _by_head(head)
    finally:
        content.seek(0)


def _by_head(head: bytes) -> MediaKind | None:
    if head.startswith(b"\xff\xd8\xff"):
        return JPEG
    if head.startswith(b"\x89PNG\r\n\x1a\n"):
        return PNG
    if head.startswith(b"%PDF-"):
        return PDF
    if head.startswith(b"RIFF"):
        return {b"WEBP": WEBP, b"WAVE": WAV}.get(head[8:12])
    if head[4:8] == b"ftyp":
        return _by_brands(head)
    # An ID3 tag, or the sync word of an MPEG layer III frame.
    if head.startswith((b"ID3", b"\xff\xfb", b"\xff\xfa", b"\xff\xf3", b"\xff\xf2")):
        return MP3
    return None


def _by_brands(head: bytes) -> MediaKind | None:
    """Read the brands of an ISO media file: the major one and those it is compatible with."""
    (size,) = struct.unpack(">I", head[:4])
    box = head[8 : min(size, len(head))]
    brands = {box[:4]} | {box[at : at + 4] for at in range(8, len(box) - 3, 4)}
    if brands & _M4A_BRANDS:
        return M4A
    return HEIC if brands & _HEIC_BRANDS else None


def _is_workbook(content: BinaryIO) -> bool:
    """Look at the names in a ZIP, unpacking nothing: a workbook, and none with macros."""
    try:
        with zipfile.ZipFile(content) as archive:
            names = set(archive.namelist())
    except (zipfile.BadZipFile, ValueError, NotImplementedError, OSError):
        return False
    return {"[Content_Types].xml", "xl/workbook.xml"} <= names and "xl/vbaProject.bin" not in names
