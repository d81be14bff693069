"""Child processes: the API and the worker beside a command, started, waited for and stopped."""

import contextlib
import http.client
import subprocess
import sys
import time
from collections.abc import Iterator
from urllib.parse import urlsplit

from ownercare_api.commands.console import fail
from ownercare_api.commands.place import Place

STARTUP_SECONDS = 90.0


@contextlib.contextmanager
def child(found: Place, command: str, **environment: str) -> Iterator[subprocess.Popen[bytes]]:
    """Run a command's module as a child that ends with the block; its arguments are settings."""
    process = subprocess.Popen(  # noqa: S603 - our own command
        [sys.executable, "-m", f"ownercare_api.commands.{command}"],
        env=found.environment(**environment),
        stdin=subprocess.DEVNULL,
        start_new_session=True,  # Ctrl-C is for the parent, which ends its children in order
    )
    try:
        yield process
    finally:
        if process.poll() is None:
            process.terminate()
            try:
                process.wait(timeout=25)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def module(found: Place, name: str, *arguments: str) -> int:
    """Run one of our modules to its end; returns its exit code."""
    command = [sys.executable, "-m", name, *arguments]
    return subprocess.run(command, env=found.environment(), check=False).returncode  # noqa: S603 - our own


def wait_until_ready(base_url: str, process: subprocess.Popen[bytes]) -> None:
    """Wait for the API's first answer; ends the command where it stops or stays silent."""
    address = urlsplit(base_url)
    assert address.hostname is not None
    deadline = time.monotonic() + STARTUP_SECONDS
    while time.monotonic() < deadline:
        if process.poll() is not None:
            fail("API 进程启动失败,请查看上方日志。", "The API process ended at start; see the log above.", code=6)
        connection = http.client.HTTPConnection(address.hostname, address.port, timeout=2)
        with contextlib.suppress(OSError, http.client.HTTPException):
            connection.request("GET", "/health/live")
            if connection.getresponse().status == 200:
                return
        connection.close()
        time.sleep(0.05)
    fail("API 在 90 秒内没有应答。", "The API did not answer within 90 seconds.", code=6)
