"""How the commands speak: short lines in Chinese and English, progress, and errors that say what to do."""

import sys
from typing import NoReturn

from rich.console import Console
from rich.markup import escape

out = Console(highlight=False, soft_wrap=True)
err = Console(stderr=True, highlight=False, soft_wrap=True)


def say(text: str) -> None:
    """Print a line."""
    out.print(escape(text))


def progress(text: str) -> None:
    """Print a line of progress."""
    out.print(f"[dim]· {escape(text)}[/dim]")


def fail(zh: str, en: str, *, code: int = 1) -> NoReturn:
    """Print why a command can't go on, in both languages, and end with an exit code."""
    err.print(f"[red]{escape(zh)}[/red]\n[red]{escape(en)}[/red]")
    sys.exit(code)
