"""`run` and `demo`: the processes of an installation, and the main job played against them."""

import contextlib
import hashlib
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

from ownercare_api.commands.console import fail, progress, say
from ownercare_api.commands.place import Place, check_port, load_settings
from ownercare_api.commands.processes import child, module, wait_until_ready
from ownercare_api.core import embedded
from ownercare_api.core.embedded_binaries import EmbeddedPostgresError
from ownercare_api.core.messages import OUTBOX


def _migrations_folder() -> Path:
    checkout = Path(__file__).resolve().parents[3] / "migrations" / "versions"
    return checkout if checkout.is_dir() else Path(__file__).resolve().parents[1] / "_migrations" / "versions"


def _stamp(found: Place) -> str:
    """Name what the embedded database was prepared with: these migrations."""
    digest = hashlib.sha256()
    for script in sorted(_migrations_folder().glob("*.py")):
        digest.update(script.name.encode() + script.read_bytes())
    return digest.hexdigest()


def prepare(found: Place) -> None:
    """Bring the tables up to date and load the demonstration data once; a look at a stamp suffices afterwards."""
    stamp = found.settings.data_dir / "prepared"
    wanted = _stamp(found)
    if found.embedded and stamp.is_file() and stamp.read_text() == wanted:
        return
    progress("准备数据库与演示数据 / preparing the database and the demonstration data")
    if module(found, "ownercare_api.commands.prepare") != 0:
        sys.exit(1)
    if found.embedded:
        stamp.write_text(wanted)


def _api(found: Place, *, host: str, port: int) -> contextlib.AbstractContextManager[subprocess.Popen[bytes]]:
    return child(found, "api", OWNERCARE_HOST=host, OWNERCARE_PORT=str(port), OWNERCARE_DEMO="true")


def _messages(found: Place) -> str:
    """Return where owners' codes go: a file in the data folder, unless the installation has chosen."""
    return found.settings.messages if "messages" in found.settings.model_fields_set else "file"


def _worker(found: Place) -> contextlib.AbstractContextManager[subprocess.Popen[bytes]]:
    return child(found, "background", OWNERCARE_MESSAGES=_messages(found))


def _main_job(found: Place, base_url: str) -> int:
    outbox = [str(found.settings.data_dir / OUTBOX)] if _messages(found) == "file" else []
    return module(found, "ownercare_api.demo.main_job", base_url, *outbox)


def stay(found: Place, *, host: str, port: int) -> None:
    """Start everything, play the main job, print where to look, and stay until stopped."""
    started = time.monotonic()
    _end_in_order()
    check_port(host, port)
    prepare(found)
    base_url = f"http://{host}:{port}"
    with _api(found, host=host, port=port) as api, contextlib.ExitStack() as later:
        wait_until_ready(base_url, api)
        later.enter_context(_worker(found))  # not before: the API's start is what people wait for
        say(f"API 已应答 / the API answers: {base_url} ({time.monotonic() - started:.1f} s)")
        _main_job(found, base_url)
        say("")
        say(f"接口文档 / docs: {base_url}/docs · {base_url}/redoc · {base_url}/openapi.json")
        module(found, "ownercare_api.demo.main_job", "--accounts")
        say("按 Ctrl-C 停止 / press Ctrl-C to stop")
        _wait_for_signal(api)
    say("已停止 / stopped")


def _end_in_order() -> None:
    """Let SIGTERM end this process as an exception does, so that every `with` stops what it started."""

    def end(number: int, _: object) -> None:
        sys.exit(128 + number)

    signal.signal(signal.SIGTERM, end)


def _wait_for_signal(api: subprocess.Popen[bytes]) -> None:
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    while not stop.wait(0.5):
        if api.poll() is not None:
            fail("API 进程意外结束。", "The API process ended unexpectedly.", code=6)


def once() -> int:
    """Play the main job on a scratch database; returns the exit code."""
    settings = load_settings()
    _end_in_order()
    with tempfile.TemporaryDirectory(prefix="ownercare-demo-") as name:
        folder = Path(name)
        try:
            server = embedded.start(data_dir=folder, on_progress=progress)
        except EmbeddedPostgresError as error:
            fail(error.zh, error.en)
        with server:
            scratch = settings.model_copy(update={"data_dir": folder})
            found = Place(settings=scratch, url=server.url, embedded=True)
            prepare(found)
            port = _free_port()
            base_url = f"http://127.0.0.1:{port}"
            with _api(found, host="127.0.0.1", port=port) as api, _worker(found):
                wait_until_ready(base_url, api)
                return _main_job(found, base_url)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
