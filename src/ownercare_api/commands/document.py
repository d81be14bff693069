"""`ownercare openapi`: the document of the code as it is; nothing is connected to."""

import sys
from pathlib import Path

from ownercare_api.app import create_app
from ownercare_api.commands.console import fail
from ownercare_api.core.crypto import Keyring
from ownercare_api.core.database import PooledDatabase
from ownercare_api.core.http.state import AppState
from ownercare_api.core.settings import Settings
from ownercare_api.openapi import render


def of_the_code() -> str:
    """Return the OpenAPI document as JSON text."""
    state = AppState(
        settings=Settings(),
        database=PooledDatabase("postgresql://nowhere/none"),
        keyring=Keyring.from_master(bytes(32)),
    )
    return render(create_app(state))


def main(*, output: Path | None) -> None:
    """Print the document, or write it to a file."""
    if output is None:
        sys.stdout.write(of_the_code())
        return
    try:
        output.write_text(of_the_code(), "utf-8")
    except OSError as error:
        fail(f"无法写入 {output}:{error.strerror}", f"Can't write {output}: {error.strerror}")


if __name__ == "__main__":
    main(**globals()["ARGUMENTS"])
