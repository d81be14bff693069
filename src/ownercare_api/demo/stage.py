"""The stage of the main job: an HTTP client, the people's tokens, one line told for each step, and the case at hand."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import uuid4

import httpx

from ownercare_api.core.clock import SHANGHAI
from ownercare_api.core.money import fen_to_text
from ownercare_api.demo.accounts import DEMO_ACCOUNTS, DEMO_PASSWORD

Say = Callable[[str], None]
_NAMES = {account.username: account.name for account in DEMO_ACCOUNTS}

# A real PNG of one pixel: attachments are recognised by their bytes.
_PIXEL = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010806000000"
    "1f15c4890000000d49444154789c6360606060000000050001a5f64540"
    "0000000049454e44ae426082"
)


class MainJobFailed(Exception):
    """A step of the main job did not go as the rulebook says."""


def yuan(fen: int) -> str:
    """Return an amount for people."""
    return f"¥{fen_to_text(fen)}"


def local(instant: str) -> str:
    """Return an instant of an answer in Shanghai time."""
    return datetime.fromisoformat(instant).astimezone(SHANGHAI).strftime("%m-%d %H:%M")


@dataclass
class Stage:
    """An HTTP client, the people's tokens, and the voice that tells what happens."""

    client: httpx.AsyncClient
    say: Say
    tokens: dict[str, str] = field(default_factory=dict)
    line: int = 0
    with_refusals: bool = True
    """Also try what must be refused: once, in the first case."""

    async def call(
        self,
        who: str,
        method: str,
        path: str,
        body: Any = None,
        *,
        expect: int = 0,
        key: str | None = None,
        **more: Any,
    ) -> Any:
        """Call the API as somebody; returns the answer's body, or raises where its status is not the expected one."""
        if who not in self.tokens:
            form = {"grant_type": "password", "username": who, "password": DEMO_PASSWORD}
            found = await self.client.post("/v1/auth/token", data=form)
            if found.status_code != 200:
                raise MainJobFailed(f"{who} can't log in: {found.text}")
            self.tokens[who] = found.json()["access_token"]
        headers = {"Authorization": f"Bearer {self.tokens[who]}"}
        if method == "POST" and "files" not in more:
            headers["Idempotency-Key"] = key or uuid4().hex
        answer = await self.client.request(method, f"/v1{path}", json=body, headers=headers, **more)
        wanted = expect or (201 if method == "POST" else 200)
        if answer.status_code != wanted:
            raise MainJobFailed(f"{who} {method} {path}: {answer.status_code} instead of {wanted}: {answer.text}")
        return answer.json()

    async def get(self, who: str, path: str) -> Any:
        """Read something as somebody."""
        return await self.call(who, "GET", path)

    async def post(self, who: str, path: str, body: Any = None) -> Any:
        """Take a step as somebody."""
        return await self.call(who, "POST", path, {} if body is None else body)

    def tell(self, who: str, text: str, *rules: str) -> None:
        """Print one line: number, name, what happened, the rules."""
        self.line += 1
        cited = f"  [{' '.join(rules)}]" if rules else ""
        self.say(f"{self.line:>3}. {_NAMES.get(who, who)}:{text}{cited}")

    async def refused(self, who: str, path: str, body: Any, status: int, code: str, text: str) -> None:
        """Take a step that must be refused, and tell it."""
        if not self.with_refusals:
            return
        problem = await self.call(who, "POST", path, body, expect=status)
        if problem["code"] != code:
            raise MainJobFailed(f"{who} POST {path}: {problem['code']} instead of {code}: {problem['detail']}")
        self.tell(who, f"{text} → 拒绝 {status} {code}:{problem['detail']}")

    async def photo(self, who: str, purpose: str, project_id: str) -> str:
        """Upload a photo or signature; returns its id."""
        form = {"purpose": purpose, "project_id": project_id}
        files = {"file": (f"{purpose}.png", _PIXEL, "image/png")}
        return str((await self.call(who, "POST", "/files", data=form, files=files))["id"])


@dataclass
class Case:
    """What the story of one repair needs to know."""

    title: str
    description: str
    unit: Mapping[str, Any]
    owner: Mapping[str, Any]
    phone: str
    part: str
    liable: str
    cause: str
    lines: list[dict[str, Any]]
    captain: str = "captain.yunqi"
    contractor: str | None = None
    ticket: dict[str, Any] = field(default_factory=dict)
    order: dict[str, Any] = field(default_factory=dict)

    @property
    def trades(self) -> list[str]:
        """Return the trades of the estimate."""
        return list(dict.fromkeys(str(line["trade"]) for line in self.lines))


def clock(thing: Mapping[str, Any], kind: str) -> str:
    """Return the due time of a running clock of an answer."""
    found = [one for one in thing["deadlines"] if one["kind"] == kind]
    if not found:
        raise MainJobFailed(f"no clock {kind} in {thing.get('number')}")
    return local(found[-1]["due_at"])
