"""The money of a repair as the main job plays it: final account, audit, settlement, confirmation, payment."""

from typing import Any

from ownercare_api.core.clock import system_clock
from ownercare_api.demo.stage import Case, Stage, clock, yuan


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
