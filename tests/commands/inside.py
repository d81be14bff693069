"""Commands in this process, where what they answer is wanted: the start of a process of its own takes seconds."""

import asyncio
import io
import os
import warnings
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from unittest.mock import patch

from ownercare_api import cli


async def command(*arguments: str, folder: Path, **environment: str) -> tuple[int, str]:
    """Run a command as `ownercare` does, in a thread without an event loop; returns its exit code and all it printed.

    It reads and changes the environment and the standard streams of this process while it runs.
    """
    return await asyncio.to_thread(_run, arguments, {"OWNERCARE_DATA_DIR": str(folder), **environment})


def _run(arguments: tuple[str, ...], environment: dict[str, str]) -> tuple[int, str]:
    printed, code = io.StringIO(), 0
    with (
        patch.dict(os.environ, environment),
        redirect_stdout(printed),
        redirect_stderr(printed),
        warnings.catch_warnings(),
    ):
        # Said of a command's module that a test has imported too.
        warnings.filterwarnings("ignore", message=".*found in sys.modules after import", category=RuntimeWarning)
        try:
            cli.app(arguments)
        except SystemExit as end:
            code = end.code if isinstance(end.code, int) else int(end.code is not None)
    return code, printed.getvalue()
