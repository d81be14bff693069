"""Site surveys, work orders, approvals."""

from typing import Any

from tests.access.case import COMPANY, CONTRACTOR, NO_FIRM, THE, Case, child

_SPECIALIST = "customer_relations_specialist"
_SURVEYS: dict[str, Any] = {"read": ("site_surveys:read",), "right": _SPECIALIST}
_ORDERS: dict[str, Any] = {"read": ("work_orders:read",)}
_TEAM: dict[str, Any] = {**_ORDERS, "acting": COMPANY}
_WHY = {"reason": "该部位须由施工单位处理"}
_FINDINGS = {
    "visited_at": "2026-11-20T12:00:00+08:00",
    "building_part": "wet_room_waterproofing",
    "cause": "防水层失效",
    "liable_party": "company",
    "trades": ["waterproofing"],
    "estimate_lines": [{"description": "重做防水", "trade": "waterproofing", "amount_fen": 120_000}],
}

CASES = [
    Case(
        "site_surveys_create",
        subject="ticket_repair",
        body={"ticket_id": THE, "scheduled_at": "2026-11-23T10:00:00+08:00", "team_id": child("team")},
        right=_SPECIALIST,
        read=("tickets:read", "site_surveys:read"),
    ),
    Case(
        "site_surveys_list",
        lists=True,
        filters={"project_id": "project", "ticket_id": "ticket_repair"},
        right=_SPECIALIST,
    ),
    Case("site_surveys_read", subject="survey", right=_SPECIALIST),
    Case("site_surveys_liability_read", subject="survey_signed", right=_SPECIALIST),
    Case(
        "site_surveys_findings_create",
        subject="survey",
        body=_FINDINGS,
        right=_SPECIALIST,
        read=("site_surveys:read", "tickets:read"),
    ),
    Case(
        "site_surveys_signatures_create",
        subject="survey_recorded",
        body={"role": "customer_service", "signature_file_id": child("file_signature")},
        inside=("site_surveys:sign:customer_service",),
        **_SURVEYS,
    ),
    Case("site_surveys_cancellation_create", subject="survey", body=_WHY, **_SURVEYS),
    Case(
        "work_orders_create",
        subject="survey_signed",
        body={"survey_id": THE, "description": "重做防水"},
        read=("site_surveys:read", "tickets:read", "work_orders:read"),
        right=_SPECIALIST,
    ),
    Case(
        "work_orders_list",
        lists=True,
        filters={
            "project_id": "project",
            "ticket_id": "order_dispatched_ticket",
            "team_id": "team",
            "firm_id": "company",
        },
        right=_SPECIALIST,
    ),
    Case("work_orders_read", subject="order_dispatched", right=_SPECIALIST),
    Case(
        "work_orders_update",
        subject="order_awaiting",
        body={"estimate_fen": 190_000},
        right=_SPECIALIST,
        firms=CONTRACTOR,
        read=("work_orders:read", "tickets:read"),
    ),
    Case(
        "work_orders_cancellation_create",
        subject="order_approved",
        body=_WHY,
        right=_SPECIALIST,
        firms=CONTRACTOR,
        read=("work_orders:read", "tickets:read"),
    ),
    Case(
        "work_orders_dispatch_create",
        subject="order_approved",
        body={"team_id": child("team"), "worker_id": child("repair_worker")},
        right=_SPECIALIST,
        firms=CONTRACTOR,
        **_ORDERS,
    ),
    Case("work_orders_acceptance_create", subject="order_dispatched", right="worker", **_TEAM),
    Case("work_orders_refusal_create", subject="order_dispatched", body=_WHY, right="worker", **_TEAM),
    Case(
        "work_orders_extension_create",
        subject="order_in_progress",
        body={"extra_workdays": 3, "reason": "需养护"},
        right="captain",
        **_TEAM,
    ),
    Case(
        "work_orders_consent_create",
        subject="order_extension",
        body={"channel": "phone", "consent_by": "王秀英", "consented": True},
        right=_SPECIALIST,
        **_ORDERS,
    ),
    Case(
        "work_orders_completion_create",
        subject="order_in_progress",
        body={"note": "闭水合格", "photos_before": [child("file_before")], "photos_after": [child("file_after")]},
        right="worker",
        **_TEAM,
    ),
    Case("work_orders_rework_create", subject="order_completed", body=_WHY, right=_SPECIALIST, **_ORDERS),
    Case(
        "work_orders_signatures_create",
        subject="order_completed",
        body={"seat": "customer_service"},
        inside=("work_orders:sign:customer_service",),
        right=_SPECIALIST,
        **_ORDERS,
    ),
    Case(
        "work_orders_callbacks_create",
        subject="order_signed_off",
        body={"outcome": "answered", "satisfaction": 5},
        right=_SPECIALIST,
        **_ORDERS,
    ),
    Case(
        "approvals_list",
        lists=True,
        filters={"project_id": "project", "ticket_id": "order_awaiting_ticket"},
        firm_letters="",
        right="customer_service_manager",
    ),
    Case("approvals_read", subject="approval", firms=NO_FIRM, right="customer_service_manager"),
    Case(
        "approvals_decisions_create",
        subject="approval",
        body={"decision": "approved", "comment": "同意"},
        firms=NO_FIRM,
        inside=("approvals:decide:department_manager",),
        right="customer_service_manager",
    ),
]
