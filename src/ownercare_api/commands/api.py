"""`ownercare serve`, as a module of its own: the API in this process, or in several."""

import gc

import uvicorn

from ownercare_api.commands.checks import check_schema, check_server, settings_of_a_command
from ownercare_api.commands.place import load_keyring


def main(*, host: str | None = None, port: int | None = None, processes: int | None = None) -> None:
    """Serve until stopped; what is not given is taken from the settings."""
    settings, url = settings_of_a_command()
    processes = processes or settings.processes
    check_server(url)
    check_schema(url)
    load_keyring(settings)
    gc.disable()  # until `asgi` has built the application: most of what that makes is kept
    uvicorn.run(
        "ownercare_api.asgi:app",
        host=host or settings.host,
        port=settings.port if port is None else port,
        workers=processes if processes > 1 else None,
        loop="uvloop",
        http="ownercare_api.core.http.server:ProblemProtocol",
        ws="none",
        log_level="warning",
        access_log=False,
        server_header=False,
        proxy_headers=False,  # whose X-Forwarded-For is believed is OWNERCARE_TRUSTED_PROXIES to say
        timeout_graceful_shutdown=20,
        timeout_keep_alive=30,
    )


if __name__ == "__main__":
    main(**globals().get("ARGUMENTS", {}))
