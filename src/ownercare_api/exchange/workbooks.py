"""What an .xlsx file must be before anything else looks at it. Everything here blocks.

A workbook is an archive of XML parts. The few parts that hold values are unpacked under limits, read by a parser that
refuses document types, searched for formulas, and packed anew: the spreadsheet library sees only what passed here.
"""

import re
import zipfile
from dataclasses import dataclass
from typing import BinaryIO
from xml.parsers import expat

from ownercare_api.exchange.refusals import RosterRefused, WrongRosterType

MAX_ENTRIES = 200
MAX_UNPACKED = 160 * 1024 * 1024
MAX_RATIO = 150
"""Rosters shrink to a tenth; only large parts are judged by it."""
_RATIO_FROM = 4 * 1024 * 1024
MAX_ROWS = 100_001
"""With the heading."""
MAX_COLUMNS = 60
_CHUNK = 1 << 18
MAX_TOKEN = 1 << 20
"""Bytes of one tag or comment. The parser begins a longer one anew with every chunk, so that its time is squared."""
MAX_BESIDE = 200_000
"""Elements and attributes of a sheet that are neither rows nor cells nor what a cell holds: widths, merges, rules."""
_IN_A_CELL = 4
MAX_ATTRIBUTES = 24
"""Of one element."""

_NEEDED = re.compile(
    r"\[Content_Types\]\.xml|_rels/\.rels|xl/workbook\.xml|xl/_rels/workbook\.xml\.rels|xl/styles\.xml|"
    r"xl/sharedStrings\.xml|xl/worksheets/[A-Za-z0-9_]+\.xml"
)
_SHEET = re.compile(r"xl/worksheets/[A-Za-z0-9_]+\.xml")
_FORBIDDEN: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(pattern, re.IGNORECASE), reason)
    for pattern, reason in (
        (r".*vba.*\.bin|xl/macrosheets/.*|xl/intlmacrosheets/.*|xl/dialogsheets/.*", "macros"),
        (r"xl/externallinks/.*|xl/connections\.xml|xl/querytables/.*|xl/webextensions/.*", "external_links"),
        (r"xl/embeddings/.*|xl/activex/.*|xl/ctrlprops/.*|customui/.*", "embedded_objects"),
        (r".*\.(zip|xlsx|xlsm|xlsb|docx|jar|7z|rar|gz|bin\.zip)", "nested_archive"),
    )
)
_CELL = re.compile(r"([A-Z]{1,3})([1-9][0-9]{0,6})")


def cleaned(content: BinaryIO, *, out: BinaryIO) -> BinaryIO:
    """Write the harmless parts of a workbook to `out` as a new archive and return it, at its beginning.

    Raises `RosterRefused` and `WrongRosterType`.
    """
    content.seek(0)
    try:
        with zipfile.ZipFile(content) as archive:
            entries = archive.infolist()
            _check_names(entries)
            with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as made:
                _copy(archive, entries, made)
    except (zipfile.BadZipFile, NotImplementedError, EOFError, OSError, ValueError, zipfile.zlib.error) as error:  # type: ignore[attr-defined]
        raise RosterRefused("encrypted" if "encrypted" in str(error) else "malformed") from None
    except RuntimeError:  # the library's word for a password
        raise RosterRefused("encrypted") from None
    out.seek(0)
    return out


def _check_names(entries: list[zipfile.ZipInfo]) -> None:
    if len(entries) > MAX_ENTRIES:
        raise RosterRefused("too_many_entries")
    names = [entry.filename for entry in entries]
    if "mimetype" in names:
        raise WrongRosterType("open_document")
    if not {"[Content_Types].xml", "xl/workbook.xml"} <= set(names):
        raise WrongRosterType("other_type")
    if len({name.lower() for name in names}) != len(names):
        raise RosterRefused("malformed")
    for entry in entries:
        if entry.flag_bits & 0x1:
            raise RosterRefused("encrypted")
        parts = entry.filename.replace("\\", "/").split("/")
        if "\\" in entry.filename or ":" in entry.filename or parts[0] == "" or ".." in parts:
            raise RosterRefused("unsafe_path")
        for pattern, reason in _FORBIDDEN:
            if pattern.fullmatch(entry.filename):
                raise RosterRefused(reason)
    # What the archive says of itself comes first: an honest bomb costs nothing to refuse.
    if sum(entry.file_size for entry in entries) > MAX_UNPACKED:
        raise RosterRefused("unpacked_too_large")


def _copy(archive: zipfile.ZipFile, entries: list[zipfile.ZipInfo], made: zipfile.ZipFile) -> None:
    """Unpack every part under one budget, whatever the archive declares; only needed parts are kept."""
    unpacked = 0
    for entry in entries:
        if entry.is_dir():
            continue
        needed = _NEEDED.fullmatch(entry.filename) is not None
        watch = _Watch(is_sheet=_SHEET.fullmatch(entry.filename) is not None) if _is_xml(entry.filename) else None
        size = 0
        with archive.open(entry) as part:
            target = made.open(entry.filename, "w") if needed else None
            try:
                while chunk := part.read(_CHUNK):
                    if size == 0 and chunk.startswith(b"PK\x03\x04"):
                        raise RosterRefused("nested_archive")
                    size += len(chunk)
                    unpacked += len(chunk)
                    too_dense = size > _RATIO_FROM and size > MAX_RATIO * max(entry.compress_size, 1)
                    if unpacked > MAX_UNPACKED or too_dense:
                        raise RosterRefused("unpacked_too_large")
                    if watch is not None:
                        watch.feed(chunk)
                    if target is not None:
                        target.write(chunk)
                if watch is not None and size:
                    watch.close()
            finally:
                if target is not None:
                    target.close()


def _is_xml(name: str) -> bool:
    return name.lower().endswith((".xml", ".rels", ".vml"))


@dataclass(slots=True)
class _Extent:
    rows: int = 0
    cells: int = 0
    cells_of_row: int = 0
    beside: int = 0
    row: int = 0
    column: int = 0


class _Watch:
    """Reads one part: no document types anywhere; in sheets no formulas, and no more cells than a roster has."""

    def __init__(self, *, is_sheet: bool) -> None:
        self._parser = expat.ParserCreate()
        self._fed = 0
        self._parser.StartDoctypeDeclHandler = self._doctype
        self._extent = _Extent()
        if is_sheet:
            self._parser.StartElementHandler = self._element

    def feed(self, chunk: bytes) -> None:
        """Read on; raises `RosterRefused`."""
        self._parse(chunk, final=False)
        self._fed += len(chunk)
        if self._fed - self._parser.CurrentByteIndex > MAX_TOKEN:
            raise RosterRefused("malformed")

    def close(self) -> None:
        """End the part."""
        self._parse(b"", final=True)

    def _parse(self, chunk: bytes, *, final: bool) -> None:
        try:
            self._parser.Parse(chunk, final)
        except expat.ExpatError:
            raise RosterRefused("malformed") from None

    def _doctype(self, *_: object) -> None:
        raise RosterRefused("entities")

    def _element(self, name: str, attributes: dict[str, str]) -> None:
        local = name.rpartition(":")[2]
        extent = self._extent
        if len(attributes) > MAX_ATTRIBUTES:
            raise RosterRefused("malformed")
        if local == "c":
            extent.cells += 1
            extent.cells_of_row += 1
            found = _CELL.fullmatch(attributes["r"]) if "r" in attributes else None
            extent.column = extent.column + 1 if found is None else _column_number(found[1])
            if found is not None:
                extent.row = int(found[2])
            if max(extent.column, extent.cells_of_row) > MAX_COLUMNS:
                raise RosterRefused("too_many_columns")
            if extent.row > MAX_ROWS:
                raise RosterRefused("too_many_rows")
        elif local == "row":
            given = attributes.get("r", "")
            extent.row = int(given) if given.isascii() and given.isdigit() and len(given) < 9 else extent.row + 1
            extent.column = extent.cells_of_row = 0
            extent.rows += 1
            if extent.rows > MAX_ROWS:
                raise RosterRefused("too_many_rows")
        elif local == "f":
            raise RosterRefused("formula", cell=f"{column_letters(max(extent.column, 1))}{max(extent.row, 1)}")
        elif local == "oleObject" or local == "control":
            raise RosterRefused("embedded_objects")
        elif local == "ddeLink":
            raise RosterRefused("external_links")
        else:
            extent.beside += 1 + len(attributes)
            if extent.beside > MAX_BESIDE + _IN_A_CELL * extent.cells:
                raise RosterRefused("malformed")


def _column_number(letters: str) -> int:
    number = 0
    for letter in letters:
        number = number * 26 + ord(letter) - 64
    return number


def column_letters(number: int) -> str:
    """Return the letters of a column, the first being 1: A, B, … Z, AA."""
    letters = ""
    while number:
        number, rest = divmod(number - 1, 26)
        letters = chr(65 + rest) + letters
    return letters
