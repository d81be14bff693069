"""`ownercare serve`, as a module of its own: the API in this process, or in several."""

import uvicorn

from ownercare_api.commands.checks import check_schema, check_server, settings_of_a_command
from ownercare_api.commands.place import load_keyring


def main(*, host: str, port: int, processes: int) -> None:
    """Serve until stopped."""
    settings, url = settings_of_a_command()
    check_server(url)
    check_schema(url)
    load_keyring(settings)
    uvicorn.run(
        "ownercare_api.asgi:app",
        host=host,
        port=port,
        workers=processes if processes > 1 else None,
        loop="uvloop",
        http="httptools",
        log_level="warning",
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=20,
        timeout_keep_alive=30,
    )


if __name__ == "__main__":
    main(**globals()["ARGUMENTS"])
