"""Child processes: the API and the worker beside a command, started, waited for and stopped."""

import contextlib
import subprocess
import sys
import time
from collections.abc import Iterator

import httpx

from ownercare_api.commands.console import fail
from ownercare_api.commands.place import Place

STARTUP_SECONDS = 30.0


@contextlib.contextmanager
def child(found: Place, *arguments: str, **environment: str) -> Iterator[subprocess.Popen[bytes]]:
    """Run `ownercare …` as a child that ends with the block."""
    process = subprocess.Popen(  # noqa: S603 - our own command
        [sys.executable, "-m", "ownercare_api", *arguments],
        env=found.environment(**environment),
        stdin=subprocess.DEVNULL,
    )
    try:
        yield process
    finally:
        if process.poll() is None:
            process.terminate()
            try:
                process.wait(timeout=15)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def wait_until_ready(base_url: str, process: subprocess.Popen[bytes]) -> None:
    """Wait for the API's first answer; ends the command where it stops or stays silent."""
    deadline = time.monotonic() + STARTUP_SECONDS
    while time.monotonic() < deadline:
        if process.poll() is not None:
            fail("API 进程启动失败,请查看上方日志。", "The API process ended at start; see the log above.", code=6)
        with contextlib.suppress(httpx.HTTPError):
            if httpx.get(f"{base_url}/health/live", timeout=2, trust_env=False).status_code == 200:
                return
        time.sleep(0.05)
    fail("API 在 30 秒内没有应答。", "The API did not answer within 30 seconds.", code=6)
