"""Rosters as sales offices write them: rows of owners and homes, and the files that hold them."""

import csv
import io
import random
import zipfile
from collections.abc import Sequence
from contextlib import closing
from datetime import date, timedelta
from typing import Any

import xlsxwriter

from ownercare_api.exchange.columns import COLUMNS
from ownercare_api.exchange.lifecycle import RosterKind
from ownercare_api.owners.documents import check_digit

_SURNAMES = "王李张刘陈杨黄赵吴周徐孙马朱胡郭何林高罗郑梁谢宋唐许韩冯邓曹彭曾萧田董袁潘蔡蒋余于杜叶程魏苏吕丁任"
_GIVEN = (
    "秀英",
    "建国",
    "晓岚",
    "志强",
    "雨桐",
    "子涵",
    "丽华",
    "伟",
    "敏",
    "静怡",
    "浩然",
    "思远",
    "桂芳",
    "明",
    "雪梅",
)
_REGIONS = ("330106", "330102", "310104", "110105", "440305", "441900", "420106", "510107")
_OCCUPATIONS = ("教师", "工程师", "退休", "个体经营", "医生", "公务员", None)

Row = dict[str, Any]


def resident_number(rng: random.Random, *, female: bool, place: int | None = None) -> str:
    """Return a resident ID number with a right check digit; another one for every place below a million."""
    lot = rng.randrange(1_000_000) if place is None else place
    born = date(1950, 1, 1) + timedelta(days=lot % 18_000)
    sequence = lot // 18_000 * 2 + (0 if female else 1)
    digits = f"{rng.choice(_REGIONS)}{born:%Y%m%d}{sequence:03d}"
    return digits + check_digit(digits)


def mobile(rng: random.Random) -> str:
    """Return a mainland mobile number."""
    return f"1{rng.choice('3578')}{rng.randrange(10**9):09d}"


def name(rng: random.Random) -> str:
    """Return a Chinese name."""
    return rng.choice(_SURNAMES) + rng.choice(_GIVEN)


def room(place: int) -> tuple[str, str]:
    """Return building and number of a home: buildings of 200."""
    return f"{place // 200 + 1}栋", f"{place % 2 + 1}-{place // 10 % 20 + 1:02d}{place % 10 + 1:02d}"


def unit_row(place: int, **changes: Any) -> Row:
    """Return a row of the roster of homes, by column."""
    building, number = room(place)
    return {
        "building": building,
        "building_floors": "20",
        "unit_number": number,
        "floor": place // 10 % 20 + 1,
        "house_type": "三室两厅两卫",
        "purchase_batch": "一期",
        "area": 128.56,
    } | changes


def owner_row(place: int, *, seed: int = 7, **changes: Any) -> Row:
    """Return a row of the roster of owners, by column: one owner who holds one whole home."""
    rng = random.Random(seed * 1_000_003 + place)
    building, number = room(place)
    return {
        "building": building,
        "unit_number": number,
        "name": name(rng),
        "document_number": resident_number(rng, female=rng.random() < 0.5, place=place),
        "phone": mobile(rng),
        "phone_label": "本人",
        "home_address": f"临澜市滨江区江晖路 {place + 1} 号",
        "occupation": rng.choice(_OCCUPATIONS),
        "share": "100%",
        "from_date": "2025-06-30",
        "contract_number": f"HT-2024-{place:05d}",
        "contract_signed_on": "2024-03-17",
        "payment_method": "按揭贷款",
        "price": "2680000.00",
    } | changes


def _headings(kind: RosterKind, rows: Sequence[Row]) -> list[tuple[str, str]]:
    used = {name for row in rows for name in row}
    known = {column.name: column.zh for column in COLUMNS[kind]}
    return [(name, known.get(name, name)) for name in dict.fromkeys([*known, *used]) if name in used]


def workbook(rows: Sequence[Row], *, kind: RosterKind = RosterKind.OWNERS, sheet: str = "名册") -> bytes:
    """Write rows as .xlsx: text as text, numbers as numbers, dates as dates."""
    out = io.BytesIO()
    headings = _headings(kind, rows)
    with closing(xlsxwriter.Workbook(out, {"in_memory": True, "strings_to_numbers": False})) as book:
        page, dates = book.add_worksheet(sheet), book.add_format({"num_format": "yyyy-mm-dd"})
        for column, (_, title) in enumerate(headings):
            page.write_string(0, column, title)
        for number, row in enumerate(rows, start=1):
            for column, (key, _) in enumerate(headings):
                value = row.get(key)
                if isinstance(value, date):
                    page.write_datetime(number, column, value, dates)
                elif isinstance(value, int | float):
                    page.write_number(number, column, value)
                elif value is not None:
                    page.write_string(number, column, value)
    return out.getvalue()


def separated(
    rows: Sequence[Row],
    *,
    kind: RosterKind = RosterKind.OWNERS,
    encoding: str = "utf-8",
    delimiter: str = ",",
) -> bytes:
    """Write rows as CSV."""
    out = io.StringIO()
    headings = _headings(kind, rows)
    writer = csv.writer(out, delimiter=delimiter)
    writer.writerow([title for _, title in headings])
    for row in rows:
        writer.writerow(["" if row.get(key) is None else row[key] for key, _ in headings])
    return out.getvalue().encode(encoding)


def repacked(content: bytes, *, replace: dict[str, bytes] | None = None, add: dict[str, bytes] | None = None) -> bytes:
    """Change parts of an archive."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as old, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            new.writestr(name, (replace or {}).get(name, old.read(name)))
        for name, part in (add or {}).items():
            new.writestr(name, part)
    return out.getvalue()


def part(content: bytes, name: str) -> bytes:
    """Read one part of an archive."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return archive.read(name)
