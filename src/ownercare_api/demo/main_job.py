"""The main job, played over HTTP by the people of the demonstration, one readable line per step.

From an owner's call to the deduction from the contractor's retention; the same for a class B case, the tiers above the
manager, and the refusals on the way. It only uses the public API, so it works against any server with the demo data.
"""

import asyncio
import sys
from pathlib import Path

import httpx

from ownercare_api.demo.accounts import DEMO_ACCOUNTS, DEMO_PASSWORD
from ownercare_api.demo.cast import caller, contractor_for, questionnaire_of
from ownercare_api.demo.money_story import money
from ownercare_api.demo.owner_story import ReadCode, codes_in, curious, himself
from ownercare_api.demo.repair_story import closing, intake, order, survey, work
from ownercare_api.demo.stage import Case, MainJobFailed, Say, Stage, yuan


async def perform(client: httpx.AsyncClient, *, say: Say, read_code: ReadCode | None = None) -> None:
    """Play every part; raises `MainJobFailed` where the system does not do what the rulebook says.

    Where codes to owners' mobiles can be read, the owner logs in too.
    """
    stage = Stage(client=client, say=say)
    questionnaire = await questionnaire_of(stage)
    say("── 主流程:A 类,从业主来电到扣除施工单位保证金 / class A, from the call to the retention ──")
    unit, owner, phone = await caller(stage, 0)
    leak = Case(
        title="主卧卫生间渗漏,楼下天花板滴水",
        description="业主来电:昨晚起主卧卫生间地面渗水,楼下天花板开始滴水,要求尽快上门。",
        unit=unit,
        owner=owner,
        phone=phone,
        part="wet_room_waterproofing",
        liable="contractor",
        cause="地漏周边防水层未做附加层,开裂渗漏",
        lines=[
            {"description": "铲除面层、重做聚氨酯防水两遍", "trade": "waterproofing", "amount_fen": 118_000},
            {"description": "防滑地砖恢复铺贴", "trade": "tiling", "amount_fen": 62_000},
        ],
        contractor=await contractor_for(stage, unit["project_id"], "wet_room_waterproofing"),
    )
    await intake(stage, leak)
    await order(stage, leak, await survey(stage, leak), ["customer_service_manager"])
    await work(stage, leak)
    await money(stage, leak)
    await closing(stage, leak, questionnaire)
    stage.with_refusals = False
    say("── B 类:设计原因,公司承担,副总工程师审核、副总经理批准 / class B, the company bears it ──")
    unit, owner, phone = await caller(stage, 7)
    pipe = Case(
        title="厨房排水管反水,橱柜泡损",
        description="业主来电:厨房洗涤盆多次反水,橱柜底板泡坏。",
        unit=unit,
        owner=owner,
        phone=phone,
        part="plumbing",
        liable="company",
        cause="排水横管设计坡度不足,非施工原因",
        lines=[{"description": "改造厨房排水横管并更换橱柜底板", "trade": "plumbing", "amount_fen": 350_000}],
        contractor=await contractor_for(stage, unit["project_id"], "plumbing"),
    )
    await intake(stage, pipe)
    await order(stage, pipe, await survey(stage, pipe), ["deputy_chief_engineer", "deputy_general_manager"])
    await work(stage, pipe)
    await money(stage, pipe)
    await closing(stage, pipe, questionnaire)
    say("── 超过副总经理审批上限:总经理批准,决算送审计核算部 / above the upper limit ──")
    unit, owner, phone = await caller(stage, 14)
    roof = Case(
        title="屋面大面积渗漏",
        description="业主来电:顶层多间卧室天花板渗水、墙皮脱落。",
        unit=unit,
        owner=owner,
        phone=phone,
        part="roof_waterproofing",
        liable="contractor",
        cause="屋面卷材搭接不足,大面积失效",
        lines=[{"description": "屋面防水卷材整体翻新", "trade": "waterproofing", "amount_fen": 2_300_000}],
        contractor=await contractor_for(stage, unit["project_id"], "roof_waterproofing"),
    )
    await intake(stage, roof)
    await order(stage, roof, await survey(stage, roof), ["general_manager"])
    await work(stage, roof)
    await money(stage, roof)
    await closing(stage, roof, questionnaire)
    say("── 谁能做什么,谁的数据 / who may do what, and whose data it is ──")
    stage.with_refusals = True
    await curious(stage, leak)
    if read_code is not None:
        await himself(stage, leak, read_code)
    lines = (await stage.get("finance_officer", "/ledger/trial-balance"))["lines"]
    debit, credit = (sum(line[side] for line in lines) for side in ("debit_fen", "credit_fen"))
    if debit != credit:
        raise MainJobFailed(f"the ledger does not balance: {debit} and {credit}")
    say(f"── 试算平衡 / trial balance:借方 {yuan(debit)} = 贷方 {yuan(credit)} ──")


def play(base_url: str, *, say: Say, outbox: Path | None = None) -> int:
    """Play against a server, whose file of messages is `outbox`; returns 0, or 1 after telling what went wrong."""

    async def run() -> None:
        async with httpx.AsyncClient(base_url=base_url, timeout=30, trust_env=False) as client:
            await perform(client, say=say, read_code=None if outbox is None else codes_in(outbox))

    try:
        asyncio.run(run())
    except MainJobFailed as error:
        say(f"✗ 主流程中断 / the main job stopped: {error}")
        return 1
    say("✓ 主流程完成 / the main job is done")
    return 0


def main() -> int:
    """`python -m ownercare_api.demo.main_job URL [messages.jsonl]`, or `--accounts` for who may log in."""
    if sys.argv[1:] == ["--accounts"]:
        sys.stdout.write(f"演示账号(密码均为 {DEMO_PASSWORD})/ demo accounts, all with that password:\n")
        for account in DEMO_ACCOUNTS:
            sys.stdout.write(f"  {account.username:<34}{account.name}  {account.post_zh}\n")
        return 0
    try:
        return play(sys.argv[1], say=_print, outbox=Path(sys.argv[2]) if len(sys.argv) > 2 else None)
    except KeyboardInterrupt:
        return 130


def _print(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
