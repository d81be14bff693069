"""Looks for words and numbers in everything an installation keeps: all columns of all tables, decrypted, and files."""

import base64
import io
import json
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sqlalchemy import LargeBinary, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from ownercare_api.core.crypto import Keyring
from ownercare_api.owners import sealing
from ownercare_api.privacy.columns import ENCRYPTED
from ownercare_api.tables import metadata

_INDEXED = (sealing.PHONE, sealing.DOCUMENT)


@dataclass
class Findings:
    """How many values were looked into, and where something was found."""

    tables: int = 0
    values: int = 0
    decrypted: int = 0
    files: int = 0
    hits: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        return (
            f"{self.tables} tables, {self.values} values ({self.decrypted} decrypted), {self.files} files: "
            f"{len(self.hits)} hits"
        )


class Search:
    """A search for canaries: texts, and the blind indexes of numbers under every live key."""

    def __init__(self, *, texts: Sequence[str], numbers: Sequence[str], keyring: Keyring) -> None:
        self.texts = [*texts, *numbers, *(number.removeprefix("+86") for number in numbers)]
        self.keyring = keyring
        self.indexes = {
            index for number in numbers for column in _INDEXED for index in keyring.blind_indexes(number, column=column)
        }
        self.found = Findings()

    async def database(self, session: AsyncSession) -> Findings:
        """Look into every column of every table, those without a model too."""
        ours = {table.name for table in metadata.tables.values()}
        listed = await session.scalars(
            text("SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tablename <> 'alembic_version'")
        )
        assert set(listed) == ours
        for table in metadata.sorted_tables:
            self.found.tables += 1
            columns = [*table.columns]
            for row in (await session.execute(select(*columns))).all():
                for column, value in zip(columns, row, strict=True):
                    self._value(f"{table.name}.{column.name}", value, binary=isinstance(column.type, LargeBinary))
        return self.found

    def _value(self, where: str, value: Any, *, binary: bool) -> None:
        if value is None or isinstance(value, bool | int):
            return
        self.found.values += 1
        if not binary:
            self._text(where, value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str))
            return
        raw = bytes(value)
        self._bytes(where, raw)
        for column in ENCRYPTED:
            if where == f"{column.table}.{column.column}" and raw:
                self.found.decrypted += 1
                clear = self.keyring.decrypt(raw, column=column.aad)
                self._text(f"{where} (decrypted)", clear)
                if where == "privacy_copy.content_encrypted":
                    self._archive(where, base64.b64decode(clear))

    def _archive(self, where: str, content: bytes) -> None:
        with zipfile.ZipFile(io.BytesIO(content)) as packed:
            for name in packed.namelist():
                self._bytes(f"{where}/{name}", packed.read(name))

    def _text(self, where: str, value: str) -> None:
        self.found.hits += [f"{where}: {one}" for one in self.texts if one in value]
        self.found.hits += [f"{where}: index" for index in self.indexes if index.hex() in value]

    def _bytes(self, where: str, raw: bytes) -> None:
        self.found.hits += [f"{where}: {one}" for one in self.texts if one.encode() in raw]
        self.found.hits += [f"{where}: index" for index in self.indexes if index in raw]

    def folder(self, root: Path) -> Findings:
        """Look into the bytes and names of every file below a folder."""
        for path in _files(root):
            self.found.files += 1
            self._bytes(str(path.relative_to(root)), path.read_bytes() + path.name.encode())
        return self.found

    def log(self, written: str) -> Findings:
        """Look into what was logged."""
        self.found.files += 1
        self._text("log", written)
        return self.found


def _files(root: Path) -> Iterator[Path]:
    return (path for path in sorted(root.rglob("*")) if path.is_file())
