"""`run`, `demo` and `serve`: the processes of an installation, and the main job played against them."""

import asyncio
import os
import shutil
import signal
import socket
import tempfile
import threading
import time
from pathlib import Path

import uvicorn

from ownercare_api.commands.console import progress, say
from ownercare_api.commands.place import Place, check_port, load_settings
from ownercare_api.commands.processes import child, wait_until_ready
from ownercare_api.core import embedded, migrations
from ownercare_api.core.clock import system_clock
from ownercare_api.demo import loader, main_job
from ownercare_api.demo.accounts import DEMO_ACCOUNTS, DEMO_PASSWORD


def serve(found: Place, *, host: str, port: int, processes: int) -> None:
    """Serve the API in this process, or in several; returns when it is stopped."""
    os.environ.update(found.environment())  # each API process reads its settings anew
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
        h11_max_incomplete_event_size=32_768,
    )


def prepare(found: Place) -> None:
    """Bring the tables up to date and load the demonstration data once."""
    started = time.monotonic()
    migrations.upgrade(found.url)
    progress(f"数据库结构 {migrations.head()} / tables ready ({time.monotonic() - started:.1f} s)")

    async def fill() -> None:
        database = found.database()
        try:
            await loader.load(database, keyring=found.keyring(), now=system_clock(), on_progress=progress)
        finally:
            await database.dispose()

    asyncio.run(fill())


def stay(found: Place, *, host: str, port: int) -> None:
    """Start everything, play the main job, print where to look, and stay until stopped."""
    check_port(host, port)
    prepare(found)
    base_url = f"http://{host}:{port}"
    with (
        child(found, "serve", "--host", host, "--port", str(port), OWNERCARE_DEMO="true") as api,
        child(found, "worker"),
    ):
        wait_until_ready(base_url, api)
        say(f"API 已应答 / the API answers: {base_url}")
        main_job.play(base_url, say=say)
        say("")
        say(f"接口文档 / docs: {base_url}/docs · {base_url}/redoc · {base_url}/openapi.json")
        say(f"演示账号(密码均为 {DEMO_PASSWORD})/ demo accounts, all with that password:")
        for account in DEMO_ACCOUNTS:
            say(f"  {account.username:<34}{account.name}  {account.post_zh}")
        say("按 Ctrl-C 停止 / press Ctrl-C to stop")
        _wait_for_signal(api.pid)
    say("已停止 / stopped")


def _wait_for_signal(api_pid: int) -> None:
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    while not stop.wait(0.5):
        if not Path(f"/proc/{api_pid}").exists() and Path("/proc").exists():
            break


def once() -> int:
    """Play the main job on a scratch database; returns the exit code."""
    settings = load_settings()
    folder = Path(tempfile.mkdtemp(prefix="ownercare-demo-"))
    try:
        with embedded.running(data_dir=folder, database="demo", on_progress=progress) as server:
            found = Place(settings=settings.model_copy(update={"data_dir": folder}), url=server.url, embedded=True)
            prepare(found)
            port = _free_port()
            base_url = f"http://127.0.0.1:{port}"
            with (
                child(found, "serve", "--host", "127.0.0.1", "--port", str(port), OWNERCARE_DEMO="true") as api,
                child(found, "worker"),
            ):
                wait_until_ready(base_url, api)
                return main_job.play(base_url, say=say)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
