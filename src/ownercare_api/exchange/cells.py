"""One cell at a time: what a value of a roster must be. A `Reader` collects the faults of a row and goes on."""

import re
import unicodedata
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from typing import TypeVar

from ownercare_api.core.phones import InvalidPhone, normalise_phone
from ownercare_api.exchange.columns import Column, plain
from ownercare_api.exchange.faults import Fault
from ownercare_api.exchange.tables import MAX_CELL, Cell

Choice = TypeVar("Choice")

_DATE = re.compile(r"([0-9]{4})\s*[-/.年]\s*([0-9]{1,2})\s*[-/.月]\s*([0-9]{1,2})\s*日?(?:[ T]00:00:00)?")
_COMPACT_DATE = re.compile(r"([0-9]{4})([0-9]{2})([0-9]{2})")
_LIKE_FORMULA = re.compile(r"[=@＝＠\t\r]|[+\-＋－].*[(|!（]", re.DOTALL)
_NUMBER = re.compile(r"-?[0-9]{1,15}(?:\.[0-9]{1,10})?")
_DECIMALS_OF_FLOAT = 9


class Reader:
    """The cells of one row by column name."""

    def __init__(self, cells: Sequence[Cell], *, places: Mapping[str, int], columns: Mapping[str, Column]) -> None:
        self._cells, self._places, self._columns = cells, places, columns
        self.faults: list[Fault] = []

    def fault(self, column: str, code: str) -> None:
        """Note a fault; the first one of a cell counts."""
        if all(one.column != column for one in self.faults):
            self.faults.append(Fault(column, code))

    def cell(self, column: str) -> Cell:
        """Return a cell, None where it is empty or the file has no such column."""
        place = self._places.get(column)
        if place is None or place >= len(self._cells):
            return None
        found = self._cells[place]
        return None if isinstance(found, str) and not found.strip() else found

    def text(self, column: str, *, most: int = 100) -> str | None:
        """Return a text without spaces around it; None where it is empty or at fault."""
        found = self.cell(column)
        if found is None:
            self._absent(column)
            return None
        if not isinstance(found, str):
            if self._columns[column].text_only or not isinstance(found, int | float) or isinstance(found, bool):
                self.fault(column, "numeric_cell")
                return None
            found = _written(found)
        whole = found.strip()
        if len(whole) > min(most, MAX_CELL):
            self.fault(column, "too_long")
        elif not whole.isprintable() and any(map(_is_unstorable, whole)):
            self.fault(column, "unstorable")
        elif _LIKE_FORMULA.match(whole):
            self.fault(column, "formula_like")
        else:
            return whole
        return None

    def phone(self, column: str) -> str | None:
        """Return a telephone number in normal form."""
        found = self.cell(column)
        if found is None:
            self._absent(column)
            return None
        if not isinstance(found, str):
            self.fault(column, "numeric_cell")
            return None
        try:
            return normalise_phone(found.strip())
        except InvalidPhone as refusal:
            self.fault(column, f"phone_{refusal.reason_code}")
            return None

    def date(self, column: str, *, not_after: date | None = None) -> date | None:
        """Return a date between 1900 and 2100."""
        found = self.cell(column)
        if found is None:
            self._absent(column)
            return None
        day = found.date() if isinstance(found, datetime) else found if isinstance(found, date) else None
        if isinstance(found, str):
            parts = _DATE.fullmatch(found.strip()) or _COMPACT_DATE.fullmatch(found.strip())
            try:
                day = None if parts is None else date(int(parts[1]), int(parts[2]), int(parts[3]))
            except ValueError:
                day = None
        if day is None:
            self.fault(column, "not_a_date")
        elif not 1900 <= day.year <= 2100:
            self.fault(column, "out_of_range")
        elif not_after is not None and day > not_after:
            self.fault(column, "date_in_future")
        else:
            return day
        return None

    def number(self, column: str, *, decimals: int, low: Decimal, high: Decimal) -> Decimal | None:
        """Return a number within bounds."""
        found = self.cell(column)
        if found is None:
            self._absent(column)
            return None
        made = as_decimal(found)
        if made is None:
            self.fault(column, "not_a_number")
        elif made != made.quantize(Decimal(1).scaleb(-decimals)):
            self.fault(column, "not_whole" if decimals == 0 else "too_precise")
        elif not low <= made <= high:
            self.fault(column, "out_of_range")
        else:
            return made
        return None

    def choice(self, column: str, choices: Mapping[str, Choice]) -> Choice | None:
        """Return what a word stands for."""
        found = self.cell(column)
        if found is None:
            self._absent(column)
            return None
        chosen = choices.get(plain(found)) if isinstance(found, str) else None
        if chosen is None:
            self.fault(column, "not_a_choice")
        return chosen

    def share_bp(self, column: str) -> int | None:
        """Return a share in hundredths of a percent; a whole where nothing stands.

        A spreadsheet keeps 50 % as the number 0.5, so numbers of at most one are fractions; text must say what it is.
        """
        found = self.cell(column)
        if found is None:
            return 10_000
        is_text = isinstance(found, str)
        text = unicodedata.normalize("NFKC", found).strip() if isinstance(found, str) else found
        signed = isinstance(text, str) and text.endswith("%")
        made = as_decimal(text[:-1].strip() if isinstance(text, str) and signed else text)
        if made is None:
            self.fault(column, "not_a_number")
            return None
        if not signed and made <= 1:
            if is_text:
                self.fault(column, "share_ambiguous")
                return None
            made *= 100
        share = made * 100
        if share != share.to_integral_value():
            self.fault(column, "too_precise")
        elif not 1 <= share <= 10_000:
            self.fault(column, "out_of_range")
        else:
            return int(share)
        return None

    def _absent(self, column: str) -> None:
        if self._columns[column].required:
            self.fault(column, "missing")


def _is_unstorable(letter: str) -> bool:
    return unicodedata.category(letter) in ("Cc", "Cs", "Co", "Cn") and letter not in "\n\r\t"


def as_decimal(found: object) -> Decimal | None:
    """Return a number as it was written; binary fractions of a spreadsheet are rounded to nine decimals."""
    if isinstance(found, bool):
        return None
    if isinstance(found, int):
        return Decimal(found)
    if isinstance(found, float):
        try:
            return round(Decimal(found), _DECIMALS_OF_FLOAT).normalize() if abs(found) < 1e15 else None
        except InvalidOperation:
            return None
    if isinstance(found, str):
        text = unicodedata.normalize("NFKC", found).strip().replace(",", "")
        return Decimal(text) if _NUMBER.fullmatch(text) else None
    return None


def _written(number: int | float) -> str:
    return str(int(number)) if float(number).is_integer() else str(number)
