"""The newest head of the chain in a file of the data folder: who has the database alone can't cut the chain's end."""

import os
from dataclasses import dataclass
from pathlib import Path

from ownercare_api.timeline.chain import Head


@dataclass(frozen=True, slots=True)
class HeadFile:
    """The file; several processes may write it, the last one wins and every head stays true."""

    path: Path

    @classmethod
    def within(cls, data_dir: Path) -> "HeadFile":
        """Return the file of a data folder."""
        return cls(data_dir / "audit-head")

    def read(self) -> Head | None:
        """Return the head that was kept; None where there is none. Raises `ValueError` for a damaged file."""
        try:
            return Head.parse(self.path.read_text("ascii"))
        except FileNotFoundError:
            return None

    def keep(self, head: Head) -> None:
        """Keep a head, in one step."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        scratch = self.path.with_name(f"{self.path.name}.{os.getpid()}")
        scratch.write_text(f"{head}\n", "ascii")
        scratch.replace(self.path)

    def put_aside(self, *, mark: str) -> Path | None:
        """Rename the file, so that it stays as evidence but counts no longer; returns its new path."""
        if not self.path.exists():
            return None
        return self.path.rename(self.path.with_name(f"{self.path.name}.{mark}"))
