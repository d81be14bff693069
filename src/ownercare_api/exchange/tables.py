"""A roster file as a table of cells: told apart by its bytes, read lazily. Everything here blocks."""

import csv
import io
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import BinaryIO

from python_calamine import CalamineError, CalamineWorkbook, SheetTypeEnum, SheetVisibleEnum

from ownercare_api.exchange import workbooks
from ownercare_api.exchange.refusals import RosterRefused, WrongRosterType
from ownercare_api.exchange.workbooks import MAX_COLUMNS, MAX_ROWS

MAX_BYTES = 15 * 1024 * 1024
MAX_CELL = 1000
"""Characters; longer ones are a fault of their row."""

Cell = str | int | float | bool | date | datetime | time | timedelta | None
"""As the file has it: text, or a number or date of a spreadsheet."""

_HTML = re.compile(rb"\s*(<!doctype|<html|<table|<\?xml|<head|<body|<meta|<xml)", re.IGNORECASE)
_BINARY = (
    b"%PDF",
    b"\x89PNG",
    b"\xff\xd8\xff",
    b"GIF8",
    b"{\\rtf",
    b"MZ",
    b"\x7fELF",
    b"Rar!",
    b"7z\xbc\xaf",
    b"\x1f\x8b",
)
_CONTROLS = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")


@dataclass(frozen=True, slots=True)
class Table:
    """A heading, and the rows below it with the numbers that a spreadsheet gives them."""

    heading: list[Cell]
    rows: Iterator[tuple[int, list[Cell]]]
    about: int
    """Roughly how many rows, for the progress."""


def inspect(content: BinaryIO, *, scratch: Callable[[], BinaryIO]) -> None:
    """Refuse a file that is unsafe or of another type, without holding its rows; raises as `opened` does."""
    content.seek(0)
    if content.read(2) == b"PK":
        with scratch() as out:
            workbooks.cleaned(content, out=out)
    else:
        opened(content, scratch=scratch)


def opened(content: BinaryIO, *, scratch: Callable[[], BinaryIO]) -> Table:
    """Open a roster of at most `MAX_BYTES`; raises `RosterRefused` and `WrongRosterType`.

    `scratch` makes the temporary file that a workbook is cleaned into.
    """
    content.seek(0)
    head = content.read(4096)
    if head.startswith(b"PK"):
        return _workbook(content, scratch=scratch)
    if head.startswith(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"):
        content.seek(0)
        if "EncryptedPackage".encode("utf-16-le") in content.read(MAX_BYTES):
            raise RosterRefused("encrypted")
        raise WrongRosterType("old_workbook")
    if head.startswith(b"\x09\x08") or head[:4] in (b"\x09\x04\x06\x00", b"\x09\x02\x06\x00"):
        raise WrongRosterType("old_workbook")
    if _HTML.match(head.removeprefix(b"\xef\xbb\xbf")):
        raise WrongRosterType("html")
    if head.startswith(_BINARY):
        raise WrongRosterType("other_type")
    content.seek(0)
    return _separated(content.read(MAX_BYTES + 1))


def _workbook(content: BinaryIO, *, scratch: Callable[[], BinaryIO]) -> Table:
    with scratch() as out:
        clean = workbooks.cleaned(content, out=out)
        try:
            book = CalamineWorkbook.from_filelike(clean)
            names = [
                sheet.name
                for sheet in book.sheets_metadata
                if sheet.typ == SheetTypeEnum.WorkSheet and sheet.visible == SheetVisibleEnum.Visible
            ]
            if not names:
                raise RosterRefused("empty")
            sheet = book.get_sheet_by_name(names[0])
        except (CalamineError, ValueError, OSError):
            raise RosterRefused("malformed") from None
    if sheet.start is None or sheet.total_height > MAX_ROWS or sheet.total_width > MAX_COLUMNS:
        raise RosterRefused("empty" if sheet.start is None else "too_many_rows")
    # The library leaves out empty columns in front, but not empty rows: their numbers are those that people see.
    pad: list[Cell] = [None] * sheet.start[1]

    def rows() -> Iterator[tuple[int, list[Cell]]]:
        for number, row in enumerate(sheet.iter_rows(), start=1):
            yield number, [*pad, *(None if cell == "" else cell for cell in row)]

    return _with_heading(rows(), about=sheet.height)


def _separated(raw: bytes) -> Table:
    encoding, delimiter = _encoding_and_delimiter(raw)

    def rows() -> Iterator[tuple[int, list[Cell]]]:
        lines = io.TextIOWrapper(io.BytesIO(raw), encoding=encoding, newline="")
        reader = csv.reader(lines, delimiter=delimiter, strict=True)
        try:
            for number, row in enumerate(reader, start=1):
                if number > MAX_ROWS:
                    raise RosterRefused("too_many_rows")
                if len(row) > MAX_COLUMNS:
                    raise RosterRefused("too_many_columns")
                yield number, [cell or None for cell in row]
        except csv.Error:
            raise RosterRefused("csv_broken") from None

    return _with_heading(rows(), about=raw.count(b"\n") + 1)


def _encoding_and_delimiter(raw: bytes) -> tuple[str, str]:
    """UTF-8 strictly, else GB18030 strictly: text of the one that is valid in the other by chance is vanishingly rare.

    Of the delimiters the one counts that the heading has most of, outside quotes.
    """
    if raw.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise RosterRefused("encoding_unknown")
    for encoding in ("utf-8-sig", "gb18030"):
        try:
            text = raw.decode(encoding)
        except UnicodeDecodeError:
            continue
        if _CONTROLS.search(text):
            raise RosterRefused("control_characters")
        heading = next((line for line in text.split("\n", 20) if line.strip()), "")[:10_000]
        bare = re.sub(r'"[^"]*"', "", heading)
        return encoding, max((",", ";", "\t"), key=bare.count)
    raise RosterRefused("encoding_unknown")


def _with_heading(rows: Iterator[tuple[int, list[Cell]]], *, about: int) -> Table:
    for _, heading in rows:
        if any(_is_filled(cell) for cell in heading):
            filled = ((number, row) for number, row in rows if any(_is_filled(cell) for cell in row))
            return Table(heading=heading, rows=filled, about=max(about - 1, 0))
    raise RosterRefused("empty")


def _is_filled(cell: Cell) -> bool:
    return cell is not None and (not isinstance(cell, str) or bool(cell.strip()))
