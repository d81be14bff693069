"""Names of attachments: made harmless when they come in, written into headers when they go out."""

import unicodedata
from urllib.parse import quote

from ownercare_api.files.media import MediaKind

MAX_NAME = 150


def safe_name(claimed: str, *, kind: MediaKind) -> str:
    """Return a plain file name without folders, control or direction characters, ending as its kind does."""
    last = claimed.replace("\\", "/").rsplit("/", 1)[-1]
    visible = "".join(letter for letter in last if unicodedata.category(letter)[0] != "C")
    name = " ".join(visible.split()).strip(". ")
    stem, dot, suffix = name.rpartition(".")
    if dot and stem and suffix.lower() in kind.suffixes:
        return f"{stem[:MAX_NAME]}.{suffix.lower()}"
    return f"{name[:MAX_NAME] or '未命名'}.{kind.suffixes[0]}"


def disposition(name: str) -> str:
    """Return `Content-Disposition: attachment` with a name in any script (RFC 6266, RFC 5987)."""
    suffix = name.rpartition(".")[2]
    fallback = f"file.{suffix}" if suffix.isascii() and suffix.isalnum() else "file"
    return f"attachment; filename=\"{fallback}\"; filename*=UTF-8''{quote(name, safe='')}"
