"""What is paid under purchase contracts: plans, money received and taken back, reminders, the owner's own look."""

from typing import Any

from tests.access.case import NO_FIRM, Case, own

_CLERK, _CASHIER = "customer_relations_specialist", "finance_officer"
_READ: dict[str, Any] = {"firms": NO_FIRM, "right": _CLERK}
_PLAN: dict[str, Any] = {**_READ, "read": ("owners:read",)}
_STEP: dict[str, Any] = {"firms": NO_FIRM, "read": ("contract_payments:read",)}
_MONEY: dict[str, Any] = {**_STEP, "right": _CASHIER}

TERMS: dict[str, Any] = {
    "price_fen": 268_000_000,
    "instalments": [
        {"kind": "deposit", "amount_fen": 10_000_000, "due_on": "2026-11-18"},
        {"kind": "balance", "amount_fen": 258_000_000, "due_on": "2027-03-31"},
    ],
}
_FIRST, _SECOND = TERMS["instalments"]
_CHANGED = {**TERMS, "instalments": [_FIRST, {**_SECOND, "id": own("instalment_paid")}], "reason": "补充协议"}

CASES = [
    Case("ownerships_payment_plan_read", subject="ownership", **_READ),
    Case("ownerships_payment_plan_update", subject="ownership_contract", body=TERMS, **_PLAN),
    Case("ownerships_payment_plan_changes_create", subject="ownership", body=_CHANGED, **_PLAN),
    Case("contract_payments_list", lists=True,
         filters={"project_id": "project", "unit_id": "unit_planned", "owner_id": "owner"},
         firm_letters="", right=_CLERK),
    Case("contract_payments_read", subject="instalment", **_READ),
    Case("contract_payments_payments_create", subject="instalment",
         body={"amount_fen": 1_000, "received_on": "2026-11-20", "reference": "POS-9"}, **_MONEY),
    Case("contract_payments_payments_reversal_create", subject="instalment_payment",
         path={"instalment_id": "instalment_paid"}, body={"reason": "银行退回"}, machines=False, **_MONEY),
    Case("contract_payments_reminders_create", subject="instalment", body={"channel": "phone", "reached": True},
         **{**_STEP, "right": _CLERK}),
    Case("my_payment_plans_list", lists=True, sight="owner", firms=NO_FIRM, right="owner_login", firm_letters="O"),
]  # fmt: skip
