"""The steps of a repair as the main job plays them: intake, survey, order, work, closing."""

from collections.abc import Mapping
from typing import Any

from ownercare_api.core.clock import system_clock
from ownercare_api.demo.stage import Case, MainJobFailed, Stage, clock, local, yuan


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
