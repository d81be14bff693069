"""The main job, played over HTTP by the people of the demonstration, one readable line per step.

From an owner's call to the deduction from the contractor's retention; the same for a class B case, the tiers above the
manager, and the refusals on the way. It only uses the public API, so it works against any server with the demo data.
"""

import asyncio
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import uuid4

import httpx

from ownercare_api.core.clock import SHANGHAI, system_clock
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


async def intake(stage: Stage, case: Case) -> None:
    """Steps 1 and 2: the call, the register, verification and the responsible department."""
    agent = "call_center_agent"
    caller = await stage.call(agent, "POST", "/call-center/caller-lookups", {"phone": case.phone}, expect=200)
    names = "、".join(owner["name"] for owner in caller["owners"])
    homes = sum(len(owner["homes"]) for owner in caller["owners"])
    open_cases = sum(len(owner["open_tickets"]) for owner in caller["owners"])
    stage.tell(
        agent, f"来电 {caller['phone_masked']} 识别为 {names},名下房屋 {homes} 套,在办 {open_cases} 件", "CHN-06"
    )
    case.ticket = await stage.post(
        agent,
        "/tickets",
        {
            "unit_id": case.unit["id"],
            "owner_id": case.owner["id"],
            "category": "repair",
            "channel": "hotline",
            "title": case.title,
            "description": case.description,
            "caller_name": case.owner["name"],
            "caller_phone": case.phone,
        },
    )
    stage.tell(
        agent,
        f"登记报修 {case.ticket['number']}(登记表 {case.ticket['register_number']}),{case.unit['address']};"
        f"首次响应截止 {clock(case.ticket, 'response')},现场勘察截止 {clock(case.ticket, 'site_survey')}",
        "CHN-03",
        "REP-01",
        "CMP-02",
        "REP-02",
    )
    path = f"/tickets/{case.ticket['id']}"
    await stage.post(
        "complaint_specialist", f"{path}/responses", {"channel": "phone", "content": "已致电业主,约定上门勘察。"}
    )
    engineer = (await stage.get("engineering_material_engineer", "/me"))["id"]
    classified = await stage.post(
        "complaint_supervisor",
        f"{path}/classification",
        {
            "cause_class": "construction_quality",
            "department": "engineering_material",
            "handler_id": engineer,
            "note": "电话核实属实,请工程材料部牵头处理。",
        },
    )
    stage.tell(
        "complaint_supervisor",
        f"核实分类,责任部门:工程材料部,经办人:{classified['handler']['name']}",
        "CMP-05",
        "CMP-06",
    )


async def survey(stage: Stage, case: Case) -> str:
    """Step 3: the site survey, signed by every invited party; returns its id."""
    maker = "customer_relations_specialist"
    made = await stage.post(
        maker,
        "/site-surveys",
        {
            "ticket_id": case.ticket["id"],
            "scheduled_at": system_clock().isoformat(),
            "building_part": case.part,
            "expected_cost_fen": sum(line["amount_fen"] for line in case.lines),
        },
    )
    parties = [party["role"] for party in made["parties"] if party["required"]]
    stage.tell(maker, f"安排现场勘察 {made['number']},须到场会签 {len(parties)} 方", "REP-02", "REP-03")
    path = f"/site-surveys/{made['id']}"
    found = await stage.post(
        maker,
        f"{path}/findings",
        {
            "visited_at": system_clock().isoformat(),
            "building_part": case.part,
            "cause": case.cause,
            "liable_party": case.liable,
            "trades": case.trades,
            "estimate_lines": case.lines,
        },
    )
    stage.tell(maker, f"填写《现场勘察会签表》:{case.cause};估价 {yuan(found['estimate_fen'])}", "REP-04")
    await stage.refused(
        "finance_officer", f"{path}/signatures", {"role": "customer_service"}, 403, "out_of_reach", "代客服部会签"
    )
    signers = {
        "customer_service": "customer_relations_supervisor",
        "engineering_or_property": "engineering_material_engineer",
        "repair_captain": case.captain,
        "contractor": case.contractor,
    }
    signed = found
    for role in parties:
        who = signers[role]
        if who is None:
            raise MainJobFailed("nobody represents the contractor")
        signed = await stage.post(who, f"{path}/signatures", {"role": role, "comment": "属实,同意。"})
        stage.tell(who, f"会签({len(signed['missing_signatures'])} 方未签)", "REP-02")
    liability = signed["liability"]
    reasons = "".join(reason["zh"] for reason in liability["reasons"])
    stage.tell("系统", f"责任认定:{liability['repair_class']} 类。{reasons}", "REP-08")
    return str(made["id"])


async def order(stage: Stage, case: Case, survey_id: str, deciders: list[str]) -> None:
    """Step 4: class, work order, the right tier's approval, dispatch."""
    maker = "customer_relations_specialist"
    case.order = await stage.post(
        maker, "/work-orders", {"survey_id": survey_id, "description": f"{case.title}:按勘察意见维修"}
    )
    path = f"/work-orders/{case.order['id']}"
    stage.tell(
        maker,
        f"开具工程派工单 {case.order['number']}({case.order['repair_class']} 类),估价 "
        f"{yuan(case.order['estimate_fen'])} 报批",
        "REP-08",
        "FIN-01",
    )
    approval = case.order["approval"]["id"]
    team = (await stage.get(maker, f"/repair-teams?project_id={case.unit['project_id']}&trade={case.trades[0]}"))[
        "items"
    ][0]
    await stage.refused(maker, f"{path}/dispatch", {"team_id": team["id"]}, 409, "work_order_not_approved", "未批先派")
    await stage.refused(
        maker, f"/approvals/{approval}/decisions", {"decision": "approved"}, 403, "wrong_tier", "自批自己开具的派工单"
    )
    for who in deciders:
        decided = await stage.post(who, f"/approvals/{approval}/decisions", {"decision": "approved", "comment": "同意"})
        stage.tell(who, f"审批 {decided['number']} → {decided['status']}", "FIN-01", "FIN-02", "FIN-03")
    dispatched = await stage.post(maker, f"{path}/dispatch", {"team_id": team["id"]})
    days = 3 if len(case.trades) == 1 else 7
    stage.tell(
        maker, f"派工给 {team['name']},{days} 个工作日,截止 {clock(dispatched, 'repair')}", "REP-14", "REP-05", "REP-06"
    )


async def work(stage: Stage, case: Case) -> None:
    """Steps 5 and 6: the work, an extension with consent, acceptance, callback."""
    captain, path = case.captain, f"/work-orders/{case.order['id']}"
    await stage.post(captain, f"{path}/acceptance")
    stage.tell(captain, "接单,开始施工", "REP-11")
    reason = {"reason": "防水涂料须两遍成膜并做 48 小时闭水试验", "extra_workdays": 2}
    await stage.post(captain, f"{path}/extension", reason)
    consent = {"consented": True, "channel": "phone", "consent_by": case.owner["name"], "note": "业主同意延期两天"}
    extended = await stage.post("records_clerk", f"{path}/consent", consent)
    moved = next(one for one in extended["deadlines"] if one["kind"] == "repair")
    stage.tell(
        "records_clerk",
        f"业主事先同意延期 2 个工作日:{local(moved['original_due_at'])} → {local(moved['due_at'])}(原期限保留可查)",
        "REP-07",
    )
    project = case.unit["project_id"]
    photos = {
        "photos_before": [await stage.photo(captain, "photo_before", project)],
        "photos_after": [await stage.photo(captain, "photo_after", project)],
    }
    await stage.post(captain, f"{path}/completion", {"note": "已按方案完成,闭水试验无渗漏。", **photos})
    stage.tell(captain, "报完工,附维修前后照片", "REP-11", "REP-12")
    await stage.refused(
        "records_clerk", f"{path}/callbacks", {"outcome": "unreachable"}, 409, "wrong_status", "尚未签认就回访"
    )
    seats = [
        ("customer_relations_specialist.2", "customer_service"),
        ("engineering_material_engineer", "engineering_or_property"),
        (captain, "repair_captain"),
    ]
    for who, seat in seats:
        await stage.post(who, f"{path}/signatures", {"seat": seat, "opinion": "验收合格"})
    owner = {"seat": "owner", "owner_name": case.owner["name"], "opinion": "修得很好,不再渗水", "satisfied": True}
    signed = await stage.post("records_clerk", f"{path}/signatures", owner)
    stage.tell(
        "records_clerk",
        f"客服部、工程材料部、维修队长与业主四方签认;回访截止 {clock(signed, 'callback')}",
        "REP-12",
        "REP-13",
    )
    called = await stage.post(
        "records_clerk", f"{path}/callbacks", {"outcome": "answered", "satisfaction": 5, "comment": "满意"}
    )
    stage.tell("records_clerk", f"电话回访:满意度 5 分,派工单 {called['status']}", "REP-13")


async def money(stage: Stage, case: Case) -> dict[str, Any]:
    """Step 7: final account, audit, settlement, confirmation, determination, payment; returns the paid settlement."""
    captain = case.captain
    lines = [
        {
            "description": line["description"],
            "trade": line["trade"],
            "unit": "项",
            "quantity": "1",
            "unit_price_fen": line["amount_fen"] - 1_500,
        }
        for line in case.lines
    ]
    account = await stage.post(captain, "/final-accounts", {"work_order_id": case.order["id"], "lines": lines})
    department = {"customer_service": "客服部", "audit_department": "审计核算部"}[account["department"]]
    stage.tell(
        captain,
        f"报送《维修工程决算书》{account['number']},{len(lines)} 行,合计 {yuan(account['total_fen'])}"
        f"({account['total_capital']}),由{department}审核",
        "FIN-04",
        "FIN-05",
    )
    auditor = "customer_relations_supervisor" if account["department"] == "customer_service" else "auditor.2"
    audited_lines = [
        {"position": line["position"], "audited_amount_fen": line["amount_fen"]} for line in account["lines"]
    ]
    audited = await stage.post(auditor, f"/final-accounts/{account['id']}/audit", {"lines": audited_lines})
    stage.tell(auditor, f"审定 {yuan(audited['audited_total_fen'])}", "FIN-05")
    writer = "customer_relations_specialist.2"
    settlement: dict[str, Any] = await stage.post(writer, "/settlements", {"final_account_id": account["id"]})
    path = f"/settlements/{settlement['id']}"
    stage.tell(writer, f"编制《维修工程结算书》{settlement['number']},{settlement['kind']} 类", "FIN-06")
    if settlement["kind"] == "A":
        await stage.refused(
            "deputy_chief_engineer", f"{path}/certification", {}, 409, "contractor_not_heard", "施工单位确认之前就认定"
        )
        noticed = await stage.post("auditor", f"{path}/contractor-notice")
        stage.tell("auditor", f"通知施工单位确认,截止 {clock(noticed, 'contractor_confirmation')}", "FIN-07")
        assert case.contractor is not None
        await stage.post(case.contractor, f"{path}/contractor-confirmation", {"decision": "confirmed"})
        stage.tell(case.contractor, f"确认承担 {yuan(settlement['contractor_share_fen'])}", "FIN-07")
    await stage.post("deputy_chief_engineer", f"{path}/certification", {"opinion": "价格与技术均属实"})
    stage.tell("deputy_chief_engineer", "价格与技术认定", "FIN-08", "ORG-14")
    payment = {"reference": f"FK{system_clock():%Y%m%d}{settlement['number'][-4:]}"}
    await stage.refused(writer, f"{path}/payment", payment, 403, "missing_scope", "非财务人员付款")
    paid: dict[str, Any] = await stage.post("finance_officer", f"{path}/payment", payment)
    taken = f",扣施工单位保证金 {yuan(paid['deducted_fen'])}" if paid["kind"] == "A" else ",由公司承担"
    stage.tell("finance_officer", f"拨付物业公司 {yuan(paid['amount_fen'])}{taken}(同一笔账)", "FIN-09")
    await stage.refused("finance_officer.2", f"{path}/payment", payment, 409, "wrong_status", "重复付款")
    return paid


async def closing(stage: Stage, case: Case, questionnaire: Mapping[str, Any]) -> None:
    """Step 8: feedback, closure, history, and a short survey."""
    path = f"/tickets/{case.ticket['id']}"
    await stage.post(
        "engineering_material_engineer", f"{path}/resolution", {"result": "已修复,四方验收合格,业主满意。"}
    )
    await stage.refused("records_clerk", f"{path}/closure", {}, 409, "owner_not_informed", "未反馈业主就办结")
    feedback = {"channel": "phone", "content": "已向业主说明原因、处理结果与费用承担依据。", "satisfied": True}
    await stage.post("records_clerk", f"{path}/owner-feedback", feedback)
    closed = await stage.post("records_clerk", f"{path}/closure", {"note": "资料齐全,归档"})
    history = await stage.get("records_clerk", f"{path}/history?limit=200")
    states = [one["state"] for one in closed["deadlines"]]
    stage.tell(
        "records_clerk",
        f"向业主反馈并办结 {closed['number']};全程 {len(history['items'])} 条记录,时限按期 {states.count('met')} 项",
        "CMP-13",
        "CMP-14",
    )
    answers = [{"question": question["key"], "value": _answer(question)} for question in questionnaire["questions"]]
    body = {
        "questionnaire_id": questionnaire["id"],
        "ticket_id": case.ticket["id"],
        "mode": "phone",
        "answers": answers,
    }
    given = await stage.post("records_clerk", "/survey-responses", body)
    results = await stage.get("customer_service_manager", f"/questionnaires/{questionnaire['id']}/results")
    stage.tell(
        "records_clerk",
        f"《客户满意度调查表》{given['number']} 得分 {given['score_hundredths'] / 100:.2f};"
        f"累计 {results['responses']} 份",
        "CBK-08",
        "SUR-03",
    )


def _answer(question: Mapping[str, Any]) -> Any:
    return {"scale": 5, "boolean": True, "text": "维修及时,师傅专业"}.get(question["kind"]) or question["options"][0]


async def questionnaire_of(stage: Stage) -> dict[str, Any]:
    """Return a published questionnaire, writing one where there is none yet."""
    listed = (await stage.get("customer_service_manager", "/questionnaires?status=published"))["items"]
    if listed:
        found: dict[str, Any] = await stage.get("customer_service_manager", f"/questionnaires/{listed[0]['id']}")
        return found
    questions = [
        {"key": "product", "text": "您对房屋质量是否满意?", "kind": "scale", "dimension": "product"},
        {"key": "sales_service", "text": "您对销售服务是否满意?", "kind": "scale", "dimension": "sales_service"},
        {"key": "after_sales", "text": "您对本次维修是否满意?", "kind": "scale", "dimension": "after_sales_service"},
        {
            "key": "advice",
            "text": "您的意见和建议?",
            "kind": "text",
            "required": False,
            "dimension": "after_sales_service",
        },
    ]
    body = {"code": "MYD-WX", "title": "客户满意度调查表(维修)", "questions": questions}
    drafted = await stage.post("customer_relations_supervisor", "/questionnaires", body)
    made: dict[str, Any] = await stage.post("customer_service_manager", f"/questionnaires/{drafted['id']}/publication")
    return made


async def caller(stage: Stage, skip: int) -> tuple[dict[str, Any], dict[str, Any], str]:
    """Return a home, its owner and the owner's number: whoever happens to call today."""
    manager = "customer_service_manager"
    project = next(
        one for one in (await stage.get(manager, "/projects?limit=50"))["items"] if one["name"] == "云栖雅苑"
    )
    units = (await stage.get(manager, f"/units?project_id={project['id']}&occupied=true&limit=200"))["items"]
    units = sorted(units, key=lambda unit: str(unit["delivered_on"]), reverse=True)
    unit = units[skip]
    owner = (await stage.get(manager, f"/owners?unit_id={unit['id']}"))["items"][0]
    body = {"field": "mobile", "purpose": "演示:模拟业主来电号码"}
    shown = await stage.call(manager, "POST", f"/owners/{owner['id']}/disclosures", body)
    return unit, owner, str(shown["value"])


async def contractor_of(stage: Stage, firm_id: str) -> str:
    """Return the demo user who represents a contractor."""
    for number in range(1, 7):
        who = f"contractor.{number}"
        if (await stage.get(who, "/me"))["firm_id"] == firm_id:
            return who
    raise MainJobFailed("no demo user represents that contractor")


async def contractor_for(stage: Stage, project_id: str, part: str) -> str:
    """Return the demo user of the contractor whose contract covers a part of a project."""
    path = f"/construction-contracts?project_id={project_id}&building_part={part}"
    contract = (await stage.get("engineering_material_engineer", path))["items"][0]
    return await contractor_of(stage, contract["firm"]["id"] if "firm" in contract else contract["firm_id"])


async def perform(client: httpx.AsyncClient, *, say: Say) -> None:
    """Play every part; raises `MainJobFailed` where the system does not do what the rulebook says."""
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
    lines = (await stage.get("finance_officer", "/ledger/trial-balance"))["lines"]
    debit, credit = (sum(line[side] for line in lines) for side in ("debit_fen", "credit_fen"))
    if debit != credit:
        raise MainJobFailed(f"the ledger does not balance: {debit} and {credit}")
    say(f"── 试算平衡 / trial balance:借方 {yuan(debit)} = 贷方 {yuan(credit)} ──")


def play(base_url: str, *, say: Say) -> int:
    """Play against a server; returns 0, or 1 after telling what went wrong."""

    async def run() -> None:
        async with httpx.AsyncClient(base_url=base_url, timeout=30, trust_env=False) as client:
            await perform(client, say=say)

    try:
        asyncio.run(run())
    except MainJobFailed as error:
        say(f"✗ 主流程中断 / the main job stopped: {error}")
        return 1
    say("✓ 主流程完成 / the main job is done")
    return 0


def main() -> int:
    """`python -m ownercare_api.demo.main_job URL`, or `--accounts` for who may log in."""
    if sys.argv[1:] == ["--accounts"]:
        sys.stdout.write(f"演示账号(密码均为 {DEMO_PASSWORD})/ demo accounts, all with that password:\n")
        for account in DEMO_ACCOUNTS:
            sys.stdout.write(f"  {account.username:<34}{account.name}  {account.post_zh}\n")
        return 0
    try:
        return play(sys.argv[1], say=_print)
    except KeyboardInterrupt:
        return 130


def _print(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
