"""Workbooks and CSV files that go out. Text stays text: nothing in them is ever a formula. Everything here blocks."""

import csv
import io
from collections.abc import Iterable, Sequence
from contextlib import closing
from datetime import date
from pathlib import Path
from typing import BinaryIO, Protocol

import xlsxwriter

from ownercare_api.exchange.columns import COLUMNS
from ownercare_api.exchange.lifecycle import RosterKind
from ownercare_api.exchange.tables import Cell

Value = str | int | float | date | None

_RISKY = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
_NO_SURPRISES = {"strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}
_ERRORS = "错误原因"
_FOOTER = 250
"""Characters of a printed footer; a spreadsheet takes 255."""


def neutral(text: str) -> str:
    """Return a text that no spreadsheet takes for a formula when it opens a CSV file."""
    return f"'{text}" if text.lstrip(" ").startswith(_RISKY) else text


def _book(out: BinaryIO, *, folder: Path) -> xlsxwriter.Workbook:
    """Rows are written once and in order, so that memory holds one of them; the folder is ours alone."""
    return xlsxwriter.Workbook(out, {"constant_memory": True, "tmpdir": str(folder), **_NO_SURPRISES})


def _put(sheet: object, row: int, values: Iterable[Value], *, style: object = None) -> None:
    for column, value in enumerate(values):
        if value is None:
            continue
        if isinstance(value, int | float) and not isinstance(value, bool):
            sheet.write_number(row, column, value)  # type: ignore[attr-defined]
        else:
            text = value.isoformat() if isinstance(value, date) else str(value)
            sheet.write_string(row, column, text[:32_000], style)  # type: ignore[attr-defined]


def error_workbook(
    out: BinaryIO,
    *,
    folder: Path,
    heading: Sequence[Cell],
    rows: Iterable[tuple[int, Sequence[Cell]]],
    reasons: dict[int, str],
) -> None:
    """Write the bad rows of a roster with their reasons, and all rows beside them on a second sheet."""
    with closing(_book(out, folder=folder)) as book:
        bold, red = book.add_format({"bold": True}), book.add_format({"font_color": "#9C0006", "bg_color": "#FFC7CE"})
        bad, whole = book.add_worksheet("错误行"), book.add_worksheet("全部")
        for sheet in (bad, whole):
            _put(sheet, 0, [_ERRORS, "行号", *map(_text, heading)], style=bold)
            sheet.freeze_panes(1, 2)
            sheet.set_column(0, 0, 60)
        at_bad = 0
        for at_whole, (number, cells) in enumerate(rows, start=1):
            reason = reasons.get(number)
            values: list[Value] = [number, *map(_text, cells)]
            _put(whole, at_whole, [None, *values])
            if reason is not None:
                whole.write_string(at_whole, 0, reason, red)
                at_bad += 1
                _put(bad, at_bad, [None, *values])
                bad.write_string(at_bad, 0, reason, red)


def _footer(mark: Sequence[str]) -> str:
    """Return the mark as a footer. An ampersand would begin a command there, and a footer that is too long is left out
    whole: every part has its share, so that no purpose hides who made the file."""
    share = _FOOTER // max(len(mark), 1) - 1
    return " ".join(_shorter(part.replace("&", "＆"), share) for part in mark)


def _shorter(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[: most - 1]}…"


def _text(cell: Cell) -> Value:
    """Everything of the upload goes back as text, numbers and dates included."""
    if cell is None or isinstance(cell, str):
        return cell
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    return cell.isoformat() if isinstance(cell, date) else str(cell)


def template(kind: RosterKind) -> bytes:
    """Return an empty roster with its headings, one example row and a sheet that explains the columns."""
    out = io.BytesIO()
    with closing(xlsxwriter.Workbook(out, {"in_memory": True, **_NO_SURPRISES})) as book:
        bold, text = book.add_format({"bold": True}), book.add_format({"num_format": "@"})
        required = book.add_format({"bold": True, "font_color": "#C00000"})
        sheet = book.add_worksheet("名册")
        columns = COLUMNS[kind]
        sheet.set_column(0, len(columns) - 1, 20, text)  # text from the start: long numbers keep their digits
        for place, column in enumerate(columns):
            sheet.write_string(0, place, column.zh, required if column.required else bold)
            sheet.write_string(1, place, column.example, text)
        sheet.freeze_panes(1, 0)
        notes = book.add_worksheet("填写说明")
        notes.set_column(0, 0, 18)
        notes.set_column(1, 3, 40)
        _put(notes, 0, ["列名", "是否必填", "说明", "也可写作"], style=bold)
        for row, column in enumerate(columns, start=1):
            also = "、".join(column.synonyms)
            _put(notes, row, [column.zh, "必填" if column.required else "选填", column.note, also])
        _put(notes, len(columns) + 2, ["列的顺序不限;导入前请删除示例行。证件号码、电话列须保持文本格式,不得有公式。"])
    return out.getvalue()


class Writer(Protocol):
    """Writes the rows of an export, piece by piece."""

    def add(self, rows: Iterable[Sequence[Value]]) -> None:
        """Write the next rows."""
        ...

    def close(self) -> None:
        """Finish the file; it stays open for reading."""
        ...


class WorkbookWriter:
    """An export as .xlsx; its first sheet and every printed page say who made it, when and what for."""

    def __init__(self, out: BinaryIO, *, folder: Path, title: str, mark: Sequence[str], heading: Sequence[str]) -> None:
        self._book = _book(out, folder=folder)
        bold = self._book.add_format({"bold": True})
        notes, self._sheet = self._book.add_worksheet("导出说明"), self._book.add_worksheet(title)
        notes.set_column(0, 0, 80)
        for row, line in enumerate(mark):
            _put(notes, row, [line])
        self._sheet.set_footer("&L" + _footer(mark))
        self._sheet.freeze_panes(1, 0)
        self._sheet.activate()
        _put(self._sheet, 0, heading, style=bold)
        self._row = 0

    def add(self, rows: Iterable[Sequence[Value]]) -> None:
        """Write the next rows."""
        for values in rows:
            self._row += 1
            _put(self._sheet, self._row, values)

    def close(self) -> None:
        """Finish the file."""
        self._book.close()


class SeparatedWriter:
    """An export as CSV with a byte order mark; its first line says who made it, when and what for."""

    def __init__(self, out: BinaryIO, *, mark: Sequence[str], heading: Sequence[str]) -> None:
        self._text = io.TextIOWrapper(out, encoding="utf-8-sig", newline="")
        self._writer = csv.writer(self._text, lineterminator="\r\n")
        self._writer.writerow([neutral("# " + ";".join(mark))])
        self._writer.writerow(heading)

    def add(self, rows: Iterable[Sequence[Value]]) -> None:
        """Write the next rows."""
        for values in rows:
            self._writer.writerow([neutral(value) if isinstance(value, str) else value for value in values])

    def close(self) -> None:
        """Finish the file."""
        self._text.flush()
        self._text.detach()
