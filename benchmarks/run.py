"""`make bench`: OwnerCare against a bare reference, in turns, in one run."""

import argparse
import asyncio
import json
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from datetime import timedelta
from pathlib import Path
from uuid import UUID

import httpx
from sqlalchemy import text
from sqlalchemy.engine import make_url

from benchmarks import data
from ownercare_api.core import embedded, migrations
from ownercare_api.core.clock import system_clock
from ownercare_api.core.crypto import Keyring, load_master_key
from ownercare_api.core.database import PooledDatabase
from ownercare_api.core.settings import Settings
from ownercare_api.identity.keys import KeyStore
from ownercare_api.identity.roles import ROLES
from ownercare_api.identity.tokens import TokenMint

HERE = Path(__file__).parent
PORTS = {"reference": 18731, "ownercare": 18732}
PREFIX = {"reference": "", "ownercare": "/v1"}
MINUTES = 60
"""How long the caller's token is good: the longest that the server can be set to."""
SCENARIOS = ("read a ticket", "newest 50 by status", "50 of one owner", "register a ticket")


async def prepare(url: str, folder: Path, scratch: Path) -> str:
    """Fill the database, write the request files, return a token."""
    database = PooledDatabase(url, pool_size=2)
    account, opened = await data.fill(database)
    settings = Settings(data_dir=folder)
    keyring = Keyring.from_master(load_master_key(configured=None, data_dir=folder))
    keys = KeyStore(keyring=keyring)
    async with database.session() as session:
        pair = await keys.current(session, now=system_clock())
        await session.commit()
        tickets = (
            (await session.execute(text("SELECT id FROM ticket ORDER BY md5(id::text) LIMIT 5000"))).scalars().all()
        )
        owners = (await session.execute(text("SELECT id FROM owner ORDER BY md5(id::text) LIMIT 500"))).scalars().all()
        unit = (await session.execute(text("SELECT id FROM unit LIMIT 1"))).scalar_one()
    await database.dispose()
    for name, prefix in PREFIX.items():
        write(scratch / f"{name}-0", [f"{prefix}/tickets/{one}" for one in tickets])
        write(scratch / f"{name}-1", [f"{prefix}/tickets?status={s}" for s in ("registered", "accepted", "closed")])
        write(scratch / f"{name}-2", [f"{prefix}/tickets?owner_id={one}" for one in owners])
    body = {
        "unit_id": str(unit),
        "category": "repair",
        "channel": "hotline",
        "title": "主卧卫生间渗漏,楼下天花板滴水",
        "description": "业主来电:昨晚起主卧卫生间地面渗水,楼下天花板开始滴水,要求尽快上门。",
        "caller_name": "王秀英",
        "caller_phone": "13812341234",
    }
    (scratch / "body").write_text(json.dumps(body, ensure_ascii=False), "utf-8")
    mint = TokenMint(issuer=settings.issuer, audience=settings.audience, lifetime=timedelta(minutes=MINUTES))
    scopes = ROLES["records_clerk"].scopes
    token, _ = mint.sign(
        key=pair, kind="staff", subject=account, session_id=UUID(str(opened)), scopes=scopes, now=system_clock()
    )
    return token


def write(path: Path, lines: list[str]) -> None:
    """Write one request path a line."""
    path.write_text("\n".join(lines) + "\n")


def serve(name: str, url: str, folder: Path) -> subprocess.Popen[bytes]:
    """Start a server with two processes and wait for its first answer."""
    parsed = make_url(url)
    environment = os.environ | {
        "DATABASE_URL": url,
        "OWNERCARE_DATA_DIR": str(folder),
        "OWNERCARE_ACCESS_TOKEN_MINUTES": str(MINUTES),
        "BENCH_USER": str(parsed.username),
        "BENCH_PASSWORD": str(parsed.password),
        "BENCH_HOST": str(parsed.query["host"]),
        "BENCH_DATABASE": str(parsed.database),
    }
    target = "benchmarks.reference:app" if name == "reference" else "ownercare_api.asgi:app"
    options = ["--workers", "2", "--loop", "uvloop", "--http", "httptools", "--log-level", "warning", "--no-access-log"]
    process = subprocess.Popen(
        [sys.executable, "-m", "uvicorn", target, "--port", str(PORTS[name]), *options], env=environment
    )
    for _ in range(200):
        try:
            httpx.get(f"http://127.0.0.1:{PORTS[name]}/openapi.json", timeout=5, trust_env=False)
        except httpx.HTTPError:
            time.sleep(0.1)
        else:
            return process
    raise RuntimeError(f"{name} did not start")


def load(name: str, scenario: int, token: str, scratch: Path, seconds: int) -> float:
    """Run wrk for some seconds; returns requests per second, and fails where an answer was not 2xx."""
    base = f"http://127.0.0.1:{PORTS[name]}"
    path, file = (
        (f"{PREFIX[name]}/tickets", scratch / "body") if scenario == 3 else ("/", scratch / f"{name}-{scenario}")
    )
    mode = "post" if scenario == 3 else "get"
    command = [
        "wrk",
        "-t2",
        "-c16",
        f"-d{seconds}s",
        "-s",
        str(HERE / "load.lua"),
        base + path,
        "--",
        token,
        mode,
        str(file),
    ]
    printed = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    if "Non-2xx" in printed:
        raise RuntimeError(f"{name}, {SCENARIOS[scenario]}: {printed}")
    found = re.search(r"Requests/sec:\s+([\d.]+)", printed)
    assert found is not None, printed
    return float(found.group(1))


def main() -> None:
    """Run the rounds and print the medians and ratios."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=int, default=4)
    parser.add_argument("--only", type=int, choices=range(4), action="append")
    parser.add_argument("--save", action="store_true")
    options = parser.parse_args()
    if shutil.which("wrk") is None:
        sys.exit("wrk is not installed (on Debian: apt-get install wrk)")
    with tempfile.TemporaryDirectory(prefix="ownercare-bench-") as name:
        scratch = Path(name)
        with embedded.running(data_dir=scratch / "data", database="bench") as server:
            migrations.upgrade(server.url)
            token = asyncio.run(prepare(server.url, scratch / "data", scratch))
            processes = [serve(which, server.url, scratch / "data") for which in PORTS]
            try:
                results = rounds(token, scratch, options)
            finally:
                for process in processes:
                    process.terminate()
                    process.wait()
    if options.save:
        (HERE / "results.json").write_text(json.dumps(results, indent=2, ensure_ascii=False) + "\n", "utf-8")


def rounds(token: str, scratch: Path, options: argparse.Namespace) -> dict[str, dict[str, float]]:
    """Load the two servers in turns."""
    results = {}
    print(f"{'':24}{'reference':>12}{'ownercare':>12}{'ratio':>8}   (requests/s, medians of {options.rounds} rounds)")
    for scenario, title in enumerate(SCENARIOS):
        if options.only and scenario not in options.only:
            continue
        for which in PORTS:
            load(which, scenario, token, scratch, 1)  # warm-up
        pairs = [
            tuple(load(which, scenario, token, scratch, options.seconds) for which in PORTS)
            for _ in range(options.rounds)
        ]
        bare, ours = (statistics.median(column) for column in zip(*pairs, strict=True))
        ratio = statistics.median(pair[1] / pair[0] for pair in pairs)
        print(f"{title:24}{bare:12.0f}{ours:12.0f}{ratio:8.2f}", flush=True)
        results[title] = {"reference": bare, "ownercare": ours, "ratio": ratio}
    return results


if __name__ == "__main__":
    main()
