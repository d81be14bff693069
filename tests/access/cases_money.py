"""Final accounts, settlements, the ledger, releases of retention."""

from typing import Any

from tests.access.case import COMPANY, CONTRACTOR, NO_FIRM, THE, Case

_FINANCE, _AUDITOR, _SPECIALIST = "finance_officer", "auditor", "customer_relations_specialist"
_WHY = {"reason": "数量与现场签认不符"}
_LINES = [
    {"description": "防水层重做", "trade": "waterproofing", "unit": "项", "quantity": "1", "unit_price_fen": 150_000}
]
_ACCOUNTS: dict[str, Any] = {"firms": COMPANY, "read": ("settlements:read",)}
_SETTLEMENTS: dict[str, Any] = {"read": ("settlements:read",)}
_RETENTION: dict[str, Any] = {"read": ("ledger:read",), "firms": CONTRACTOR}

CASES = [
    Case(
        "final_accounts_create",
        subject="order_to_account",
        body={"work_order_id": THE, "lines": _LINES},
        right="captain",
        read=("work_orders:read", "settlements:read"),
        acting=COMPANY,
    ),
    Case(
        "final_accounts_list",
        firms=COMPANY,
        lists=True,
        filters={
            "project_id": "project",
            "ticket_id": "settled_ticket",
            "firm_id": "company",
            "work_order_id": "order_to_account",
        },
        right=_FINANCE,
    ),
    Case("final_accounts_read", subject="account", firms=COMPANY, right=_FINANCE),
    Case(
        "final_accounts_update",
        subject="account_returned",
        body={"lines": _LINES},
        right="captain",
        acting=COMPANY,
        **_ACCOUNTS,
    ),
    Case("final_accounts_submission_create", subject="account_returned", right="captain", acting=COMPANY, **_ACCOUNTS),
    Case(
        "final_accounts_audit_create",
        subject="account",
        body={"lines": [{"position": 1, "audited_amount_fen": 150_000}]},
        right=_SPECIALIST,
        inside=("accounts:audit:customer_service",),
        **_ACCOUNTS,
    ),
    Case(
        "final_accounts_return_create",
        subject="account",
        body=_WHY,
        right=_SPECIALIST,
        inside=("accounts:audit:customer_service",),
        **_ACCOUNTS,
    ),
    Case(
        "settlements_create",
        subject="account_audited",
        body={"final_account_id": THE},
        right=_SPECIALIST,
        **_ACCOUNTS,
    ),
    Case(
        "settlements_list",
        lists=True,
        filters={
            "project_id": "project",
            "ticket_id": "settled_ticket",
            "firm_id": "company",
            "contractor_firm_id": "contractor",
        },
        right=_FINANCE,
    ),
    Case("settlements_read", subject="settlement_notified", right=_FINANCE),
    Case(
        "settlements_contractor_notice_create",
        subject="settlement_written",
        right=_AUDITOR,
        firms=COMPANY,
        **_SETTLEMENTS,
    ),
    Case(
        "settlements_contractor_confirmation_create",
        subject="settlement_notified",
        body={"decision": "confirmed"},
        right="representative",
        read=("settlements:read",),
        acting=CONTRACTOR,
        why="only the contractor's own people answer: for everybody else 403 not_the_contractor",
    ),
    Case("settlements_reminder_create", subject="settlement_notified", right=_AUDITOR, **_SETTLEMENTS),
    Case("settlements_deemed_confirmation_create", subject="settlement_reminded", right=_AUDITOR, **_SETTLEMENTS),
    Case(
        "settlements_dispute_resolution_create",
        subject="settlement_disputed",
        body={"kind": "determination", "amount_fen": 110_000, "reason": "按连带损失计"},
        right="deputy_chief_engineer",
        inside=("settlements:certify",),
        **_SETTLEMENTS,
    ),
    Case(
        "settlements_certification_create",
        subject="settlement_confirmed",
        body={"opinion": "同意"},
        right="deputy_chief_engineer",
        **_SETTLEMENTS,
    ),
    Case(
        "settlements_payment_create",
        subject="settlement_certified",
        body={"reference": "网银流水 1"},
        right=_FINANCE,
        **_SETTLEMENTS,
    ),
    Case(
        "settlements_payment_reversal_create",
        subject="settlement_paid",
        body=_WHY,
        right=_FINANCE,
        **_SETTLEMENTS,
    ),
    Case(
        "retention_accounts_create",
        subject="contract_bare",
        body={"contract_id": THE, "opening_fen": 100},
        right=_FINANCE,
        read=("ledger:open", "ledger:read"),
        firms=NO_FIRM,
    ),
    Case(
        "retention_accounts_list",
        firms=CONTRACTOR,
        lists=True,
        filters={"project_id": "project", "firm_id": "contractor", "contract_id": "contract"},
        right=_FINANCE,
    ),
    Case("retention_accounts_read", subject="retention", firms=CONTRACTOR, right=_FINANCE),
    Case("retention_accounts_postings_list", subject="retention", firms=CONTRACTOR, right=_FINANCE),
    Case(
        "ledger_entries_list",
        firm_letters="",
        lists=True,
        filters={
            "project_id": "project",
            "settlement_id": "settlement_paid",
            "account_id": "retention",
            "contract_id": "contract",
        },
        right=_FINANCE,
    ),
    Case("ledger_trial_balance_read", shared=True, company_wide=True, right=_FINANCE),
    Case(
        "retention_releases_create",
        subject="retention",
        body={"amount_fen": 100},
        right=_FINANCE,
        **_RETENTION,
    ),
    Case("retention_releases_list", subject="retention_asked", right=_FINANCE, firms=CONTRACTOR),
    Case(
        "retention_releases_read",
        subject="release_asked",
        path={"account_id": "retention_asked"},
        right=_FINANCE,
        firms=CONTRACTOR,
    ),
    Case(
        "retention_releases_opinion_create",
        subject="release_asked",
        path={"account_id": "retention_asked"},
        body={"opinion": "同意", "supported": True},
        right="customer_service_manager",
        **_RETENTION,
    ),
    Case(
        "retention_releases_release_create",
        subject="release_supported",
        path={"account_id": "retention_supported"},
        right=_FINANCE,
        **_RETENTION,
    ),
    Case(
        "retention_releases_withdrawal_create",
        subject="release_asked",
        path={"account_id": "retention_asked"},
        body=_WHY,
        right=_FINANCE,
        **_RETENTION,
    ),
]
