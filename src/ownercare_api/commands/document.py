"""`ownercare openapi`: the document of the code as it is; nothing is connected to."""

from ownercare_api.app import create_app
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
