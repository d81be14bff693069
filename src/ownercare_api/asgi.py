"""The application as a server imports it: `ownercare_api.asgi:app`, one database pool per process."""

import gc

from ownercare_api.app import create_app
from ownercare_api.core.crypto import Keyring, load_master_key
from ownercare_api.core.database import RUNTIME_ROLE, PooledDatabase
from ownercare_api.core.http.state import AppState
from ownercare_api.core.logs import configure
from ownercare_api.core.settings import Settings


def _state() -> AppState:
    settings = Settings()
    configure(settings.log_level)
    if settings.database_url is None:
        raise RuntimeError("DATABASE_URL is not set; `ownercare serve` starts the embedded server and sets it")
    configured = None if settings.master_key is None else settings.master_key.get_secret_value()
    return AppState(
        settings=settings,
        database=PooledDatabase(
            settings.database_url.get_secret_value(), pool_size=settings.pool_size, role=RUNTIME_ROLE
        ),
        keyring=Keyring.from_master(load_master_key(configured=configured, data_dir=settings.data_dir)),
    )


app = create_app(_state())
# What start-up made stays for good: the collector need not walk it again at every turn.
gc.collect()
gc.freeze()
gc.enable()
