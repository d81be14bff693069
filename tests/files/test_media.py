"""What a file is told by, and what its name becomes."""

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.factories import files as samples

from ownercare_api.files.media import HEIC, JPEG, KINDS, M4A, MP3, PDF, PNG, WAV, WEBP, XLSX, MediaKind, sniff
from ownercare_api.files.naming import disposition, safe_name


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (samples.JPEG, JPEG),
        (samples.PNG, PNG),
        (samples.WEBP, WEBP),
        (samples.HEIC, HEIC),
        (samples.PDF, PDF),
        (samples.MP3_TAGGED, MP3),
        (samples.MP3_BARE, MP3),
        (samples.WAV, WAV),
        (samples.M4A, M4A),
        (samples.XLSX, XLSX),
    ],
)
def test_the_bytes_tell_the_kind(content: bytes, kind: MediaKind) -> None:
    stream = io.BytesIO(content)
    assert sniff(stream) is kind
    assert stream.tell() == 0


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\xff\xd8",
        b"<svg xmlns='http://www.w3.org/2000/svg'/>",
        b"<html><script>alert(1)</script>",
        b" %PDF-1.7",
        b"GIF89a" + bytes(20),
        b"MZ" + bytes(60),
        b"RIFF\x24\x00\x00\x00AVI " + bytes(20),
        samples.MP4_VIDEO,
        b"\xff\xff\xff\xffftyp",
        b"\x00\x00\x00\x00ftypM4A ",
        samples.archive("word/document.xml", "[Content_Types].xml"),
        samples.archive("[Content_Types].xml", "xl/workbook.xml", "xl/vbaProject.bin"),
        b"PK\x03\x04" + bytes(40),
    ],
)
def test_anything_else_is_refused(content: bytes) -> None:
    assert sniff(io.BytesIO(content)) is None


@given(st.binary(max_size=600))
def test_telling_the_kind_never_fails(content: bytes) -> None:
    for head in (b"", b"PK\x03\x04", b"\x00\x00\x00\x18ftyp", b"RIFF"):
        kind = sniff(io.BytesIO(head + content))
        assert kind is None or kind is KINDS[kind.media_type]


@pytest.mark.parametrize(
    ("claimed", "name"),
    [
        ("主卧渗水.JPG", "主卧渗水.jpg"),
        ("C:\\Users\\li\\客厅.jpeg", "客厅.jpeg"),
        ("../../etc/passwd", "passwd.jpg"),
        ("照片.exe", "照片.exe.jpg"),
        ("\u202egpj.exe", "gpj.exe.jpg"),
        ("坏\r\nX-Evil: 1\0.jpg", "坏X-Evil: 1.jpg"),
        ("", "未命名.jpg"),
        (".jpg", "jpg.jpg"),
        ("渗" * 300 + ".jpg", "渗" * 150 + ".jpg"),
    ],
)
def test_names_are_made_harmless(claimed: str, name: str) -> None:
    assert safe_name(claimed, kind=JPEG) == name


@given(st.text(max_size=400))
def test_every_name_fits_a_header(claimed: str) -> None:
    name = safe_name(claimed, kind=PDF)
    assert name.endswith(".pdf")
    assert 5 <= len(name) <= 154
    header = disposition(name)
    assert header.isascii()
    assert header.isprintable()


def test_the_header_carries_names_in_any_script() -> None:
    assert disposition('渗水 1".jpg') == (
        "attachment; filename=\"file.jpg\"; filename*=UTF-8''%E6%B8%97%E6%B0%B4%201%22.jpg"
    )
