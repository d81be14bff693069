"""Whose data it is, as the main job plays it: what the curious are refused, and what the owner sees himself."""

import asyncio
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from ownercare_api.demo.stage import Case, MainJobFailed, Stage

ReadCode = Callable[[], str | None]
"""Returns the last code that arrived, if any."""

_WAIT_SECONDS = 15.0


def codes_in(outbox: Path) -> ReadCode:
    """Read codes from the file that stands for the owners' mobiles (`OWNERCARE_MESSAGES=file`)."""
    seen = len(_lines(outbox))

    def last() -> str | None:
        lines = _lines(outbox)[seen:]
        if not lines:
            return None
        words = json.loads(lines[-1])["text"]
        return next((words[at : at + 6] for at in range(len(words)) if words[at : at + 6].isdigit()), None)

    return last


def _lines(outbox: Path) -> list[str]:
    return outbox.read_text("utf-8").splitlines() if outbox.exists() else []


async def curious(stage: Stage, case: Case) -> None:
    """What colleagues, partners and administrators are refused."""
    look = {"field": "mobile", "purpose": "好奇看一下"}
    path = f"/owners/{case.owner['id']}/disclosures"
    await stage.refused("data_analyst", path, look, 403, "missing_scope", "查看业主手机号明文")
    stranger = next(f"contractor.{number}" for number in range(1, 7) if f"contractor.{number}" != case.contractor)
    hidden = await stage.call(stranger, "GET", f"/tickets/{case.ticket['id']}", expect=404)
    stage.tell(stranger, f"打开别家施工单位的工单 → 拒绝 404 {hidden['code']}:{hidden['detail']}", "OWN-07")
    admin = "system_administrator"
    me = (await stage.get(admin, "/me"))["id"]
    grant = {"role": "general_manager", "level": "company", "reason": "演示:给自己授权"}
    await stage.refused(admin, f"/people/{me}/grants", grant, 403, "own_account", "给自己授予总经理岗位")


async def himself(stage: Stage, case: Case, read_code: ReadCode) -> None:
    """The owner logs in with the code sent to his mobile, looks at his case, and at who looked at his data."""
    asked = await stage.client.post("/v1/auth/one-time-codes", json={"mobile": case.phone})
    if asked.status_code == 429:
        stage.say("     (该号码一小时内验证码已达上限,业主登录本次略过 / too many codes to this number for now)")
        return
    form = {"grant_type": "one_time_code", "mobile": case.phone, "code": await _arrived(read_code)}
    document = await stage.call(
        "customer_service_manager",
        "POST",
        f"/owners/{case.owner['id']}/disclosures",
        {"field": "document_number", "purpose": "演示:业主登录时核对证件末四位"},
    )
    found = await stage.client.post("/v1/auth/token", data=form | {"document_last4": document["value"][-4:]})
    if found.status_code != 200:
        raise MainJobFailed(f"the owner can't log in: {found.text}")
    owner = case.owner["name"]
    stage.tokens[owner] = found.json()["access_token"]
    stage.tell(owner, "用手机号和短信验证码登录", "ORG-28")
    mine = await stage.get(owner, f"/my/tickets/{case.ticket['id']}")
    homes = (await stage.get(owner, "/my/homes"))["items"]
    stage.tell(owner, f"名下房屋 {len(homes)} 套;查看自己的工单 {mine['number']}:{mine['status']}", "OWN-07")
    looks = (await stage.get(owner, "/my/looks?limit=200"))["items"]
    stage.tell(owner, f"查看谁看过自己的信息:{len(looks)} 次,最近一次 {_look(looks[0])}", "OWN-07")
    hidden = await stage.call(owner, "GET", "/tickets", expect=403)
    stage.tell(owner, f"打开全部工单 → 拒绝 403 {hidden['code']}:{hidden['detail']}")


async def _arrived(read_code: ReadCode) -> str:
    for _ in range(int(_WAIT_SECONDS / 0.2)):
        code = read_code()
        if code is not None:
            return code
        await asyncio.sleep(0.2)
    raise MainJobFailed("no code arrived: is the worker running?")


def _look(look: Mapping[str, Any]) -> str:
    purpose = f"({look['purpose']})" if look["purpose"] else ""
    return f"{look['who']}{look['words']}{purpose}"
