"""`python -m benchmarks.enumeration`: can the time of an answer tell who exists?

Over a socket, in random order: names of people (known, disabled, without a password, unknown) with a wrong password,
and numbers (an owner's, a stranger's) that ask for a code and enter a wrong one. Every attempt comes from another
address and uses another name, so that no limit is met. For each pair of samples: the difference of the medians, and how
often a shuffling of the two gives one as large (a permutation test). Below 1 % they can be told apart.
"""

import argparse
import asyncio
import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import httpx

from benchmarks.revocation import PASSWORD
from ownercare_api import tables
from ownercare_api.core import embedded, migrations
from ownercare_api.core.clock import system_clock
from ownercare_api.core.crypto import Keyring, load_master_key
from ownercare_api.core.database import PooledDatabase
from ownercare_api.core.ids import uuid7
from ownercare_api.identity.models import Account, AccountKind
from ownercare_api.identity.passwords import hash_password_now
from ownercare_api.owners import sealing
from ownercare_api.owners.models import Owner, OwnerPhone

HERE = Path(__file__).parent
PORT = 18745
SHUFFLES = 2000
NAMES = ("known", "disabled", "without password", "unknown")
NUMBERS = ("owner", "stranger")


def number_of(kind: str, one: int) -> str:
    """Return a mobile of a kind."""
    return f"{'138' if kind == 'owner' else '139'}{one:08d}"


async def fill(url: str, keyring: Keyring, samples: int) -> None:
    """Make the people and the owners."""
    database, hashed = PooledDatabase(url, pool_size=1), hash_password_now(PASSWORD)
    async with database.session() as session:
        for kind in NAMES[:3]:
            for one in range(samples):
                session.add(
                    Account(
                        id=uuid7(),
                        kind=AccountKind.STAFF,
                        username=f"{kind} {one}",
                        name="登记员",
                        post="records_clerk",
                        department="customer_service",
                        password_hash=None if kind == "without password" else hashed,
                        disabled_at=system_clock() if kind == "disabled" else None,
                    )
                )
        for one in range(samples):
            owner = Owner(id=uuid7(), name="业主", name_sort="ye zhu")
            sealed = sealing.seal_phone(keyring, f"+86{number_of('owner', one)}")
            session.add(owner)
            await session.flush()
            session.add(
                OwnerPhone(
                    id=uuid7(),
                    owner_id=owner.id,
                    number_encrypted=sealed.encrypted,
                    number_index=sealed.index,
                    number_masked=sealed.masked,
                    is_primary=True,
                )
            )
        await session.commit()
    await database.dispose()


def attempts(samples: int) -> list[tuple[str, str, int]]:
    """Return (what, kind, which) of all attempts, in random order; a code is asked for before it is entered."""
    made = [("password", kind, one) for kind in NAMES for one in range(samples)]
    made += [("asking", kind, one) for kind in NUMBERS for one in range(samples)]
    random.shuffle(made)
    entering = [("entering", kind, one) for kind in NUMBERS for one in range(samples)]
    random.shuffle(entering)
    return made + entering


def measure(samples: int) -> dict[str, dict[str, list[float]]]:
    """Return the seconds that each attempt took."""
    found: dict[str, dict[str, list[float]]] = {}
    with httpx.Client(base_url=f"http://127.0.0.1:{PORT}", timeout=30, trust_env=False) as client:
        for turn, (what, kind, one) in enumerate(attempts(samples)):
            headers = {"X-Forwarded-For": f"10.{turn >> 16}.{turn >> 8 & 255}.{turn & 255}"}
            began = time.perf_counter()
            if what == "password":
                form = {"grant_type": "password", "username": f"{kind} {one}", "password": "wrong-password-entirely"}
                answer = client.post("/v1/auth/token", data=form, headers=headers)
            elif what == "asking":
                body = {"mobile": number_of(kind, one)}
                answer = client.post("/v1/auth/one-time-codes", json=body, headers=headers)
            else:
                form = {"grant_type": "one_time_code", "mobile": number_of(kind, one), "code": "000000"}
                answer = client.post("/v1/auth/token", data=form, headers=headers)
            took = time.perf_counter() - began
            assert answer.status_code == (202 if what == "asking" else 401), answer.text
            found.setdefault(what, {}).setdefault(kind, []).append(took)
    return found


def likelihood(one: list[float], other: list[float]) -> float:
    """Return how often chance alone gives medians so far apart."""
    seen, both = abs(statistics.median(one) - statistics.median(other)), one + other
    as_large = 0
    for _ in range(SHUFFLES):
        random.shuffle(both)
        as_large += abs(statistics.median(both[: len(one)]) - statistics.median(both[len(one) :])) >= seen
    return as_large / SHUFFLES


def judge(found: dict[str, dict[str, list[float]]]) -> dict[str, dict[str, float]]:
    """Compare every kind with the unknown one."""
    rows = {}
    for what, kinds in found.items():
        *others, unknown = NAMES if what == "password" else NUMBERS
        for kind in others:
            medians = [statistics.median(kinds[one]) * 1000 for one in (kind, unknown)]
            rows[f"{what}: {kind} / {unknown}"] = {
                "samples": len(kinds[kind]),
                "median_ms": round(medians[0], 3),
                "unknown_median_ms": round(medians[1], 3),
                "difference_ms": round(medians[0] - medians[1], 3),
                "likelihood": likelihood(kinds[kind], kinds[unknown]),
            }
    return rows


def main() -> None:
    """Start a server, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--samples", type=int, default=400)
    parser.add_argument("--save", action="store_true")
    options = parser.parse_args()
    assert "account" in tables.metadata.tables
    with tempfile.TemporaryDirectory(prefix="ownercare-bench-") as name:
        folder = Path(name) / "data"
        with embedded.running(data_dir=folder, database="bench") as server:
            migrations.upgrade(server.url)
            keyring = Keyring.from_master(load_master_key(configured=None, data_dir=folder))
            asyncio.run(fill(server.url, keyring, options.samples))
            process = serve(server.url, folder)
            try:
                rows = judge(measure(options.samples))
            finally:
                process.terminate()
                process.wait()
    print(f"{'':44}{'median ms':>11}{'unknown ms':>12}{'difference':>12}{'likelihood':>12}")
    for pair, row in rows.items():
        figures = f"{row['median_ms']:11.3f}{row['unknown_median_ms']:12.3f}{row['difference_ms']:12.3f}"
        print(f"{pair:44}{figures}{row['likelihood']:12.3f}")
    if options.save:
        (HERE / "enumeration.json").write_text(json.dumps(rows, indent=2, ensure_ascii=False) + "\n", "utf-8")


def serve(url: str, folder: Path) -> subprocess.Popen[bytes]:
    """Start a server that believes the addresses it is told, and wait for its first answer."""
    environment = os.environ | {
        "DATABASE_URL": url,
        "OWNERCARE_DATA_DIR": str(folder),
        "OWNERCARE_PORT": str(PORT),
        "OWNERCARE_TRUSTED_PROXIES": "127.0.0.1",
    }
    process = subprocess.Popen([sys.executable, "-m", "ownercare_api.commands.api"], env=environment)
    for _ in range(600):
        try:
            httpx.get(f"http://127.0.0.1:{PORT}/health/live", timeout=5, trust_env=False)
        except httpx.HTTPError:
            time.sleep(0.1)
        else:
            return process
    raise RuntimeError("the server did not start")


if __name__ == "__main__":
    main()
