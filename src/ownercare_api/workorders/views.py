"""Representations of surveys and work orders: built from rows, by the same facts that the steps are judged by."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from ownercare_api.core.lifecycle import Lifecycle
from ownercare_api.core.names import mask_name
from ownercare_api.deadlines.models import ClockKind
from ownercare_api.deadlines.views import DeadlineRead
from ownercare_api.identity.principal import Principal
from ownercare_api.owners.restriction import may_see
from ownercare_api.workorders.facts import FOR_FIRMS, OrderFactSheet, SurveyFactSheet, SurveySeat
from ownercare_api.workorders.lifecycle import (
    SURVEY_LIFECYCLE,
    WORK_ORDER_LIFECYCLE,
    SignatureSeat,
    SurveyStatus,
    WorkOrderStatus,
)

Shown = dict[str, Any]


def _ref(row_id: UUID | None, name: str | None) -> Shown | None:
    return None if row_id is None else {"id": row_id, "name": name}


def _place(row: Any) -> Shown:
    return {
        "ticket": {"id": row.ticket_id, "number": row.ticket_number},
        "project": {"id": row.project_id, "name": row.project_name},
        "unit": None if row.unit_id is None else {"id": row.unit_id, "address": row.unit_address},
    }


def _fields(row: Any, *names: str) -> Shown:
    return {name: getattr(row, name) for name in names}


# Surveys.


def survey_facts(survey: Any, parties: Sequence[Any], *, captain_id: UUID | None) -> SurveyFactSheet:
    """Return what the guards of a survey look at, from rows or objects."""
    return SurveyFactSheet(
        project_id=survey.project_id,
        captain_id=captain_id,
        seats={
            party.role: SurveySeat(
                party.role, party.required, party.firm_id, party.signed_by, frozenset(party.persons or ())
            )
            for party in parties
        },
    )


def survey_summary(row: Any) -> Shown:
    """Return the fields of `SiteSurveySummary`."""
    return _fields(
        row,
        "id", "number", "status", "version", "scheduled_at", "visited_at", "building_part", "liable_party",
        "estimate_fen", "co_signed_at", "created_at", "updated_at",
    ) | _place(row)  # fmt: skip


def _allowed(
    lifecycle: Lifecycle[Any], *, row: Any, facts: Any, principal: Principal, firm_ids: Sequence[UUID | None]
) -> list[str]:
    def may(scope: str) -> bool:
        return principal.may(scope, project_id=row.project_id, firm_ids=firm_ids if scope in FOR_FIRMS else ())

    return lifecycle.allowed(status=row.status, subject=facts, actor=principal, may=may)


def survey(
    row: Any,
    *,
    parties: Sequence[Any],
    lines: Sequence[Any],
    captain_id: UUID | None,
    clocks: Sequence[DeadlineRead],
    principal: Principal,
) -> Shown:
    """Return the fields of `SiteSurveyRead`; `clocks` are those of the ticket."""
    facts = survey_facts(row, parties, captain_id=captain_id)
    firms = [party.firm_id for party in parties if party.firm_id is not None]
    return (
        survey_summary(row)
        | _fields(
            row,
            "expected_cost_fen", "team_id", "property_firm_id", "contractor_firm_id", "arranged_by", "recorded_by",
            "cause", "contract_id", "trades", "cancellation_reason",
        )
        | {
            "estimate_lines": [
                _fields(line, "position", "description", "trade", "amount_fen", "work_order_id") for line in lines
            ],
            "parties": [
                {
                    "firm": _ref(party.firm_id, party.firm_name),
                    **_fields(
                        party,
                        "role", "required", "exempt_because", "signed_by", "signed_by_name", "signed_at", "comment",
                        "signature_file_id",
                    ),
                }
                for party in parties
            ],
            "missing_signatures": facts.missing,
            "signable_seats": facts.open_to(principal) if row.status is SurveyStatus.RECORDED else [],
            "liability": None if row.derivation is None else row.derivation | {"final": True},
            "allowed_actions": _allowed(
                SURVEY_LIFECYCLE, row=row, facts=facts, principal=principal, firm_ids=firms
            ),
            "deadlines": [clock for clock in clocks if clock.kind == ClockKind.SITE_SURVEY.value],
        }
    )  # fmt: skip


# Work orders.


def order_facts(
    order: Any, *, signatures: Sequence[Any], open_extension: bool, captain_id: UUID | None
) -> OrderFactSheet:
    """Return what the guards of a work order look at, from rows or objects."""
    return OrderFactSheet(
        project_id=order.project_id,
        firm_id=order.firm_id,
        captain_id=captain_id,
        emergency=order.emergency,
        approved=order.approved_at is not None,
        dispatched=order.dispatched_at is not None,
        open_extension=open_extension,
        completed_by=order.completed_by,
        signed={one.seat: frozenset(one.persons or ()) for one in signatures if one.round == order.round},
    )


def order_summary(row: Any, clocks: Sequence[DeadlineRead]) -> Shown:
    """Return the fields of `WorkOrderSummary`."""
    return (
        _fields(
            row,
            "id", "number", "status", "version", "survey_id", "repair_class", "building_part", "trades", "description",
            "estimate_fen", "emergency", "approved_at", "dispatched_at", "completed_at", "signed_off_at", "created_at",
            "updated_at",
        )
        | _place(row)
        | {
            "firm": _ref(row.firm_id, row.firm_name),
            "team": _ref(row.team_id, row.team_name),
            "worker": _ref(row.worker_id, row.worker_name),
            "contractor": _ref(row.contractor_firm_id, row.contractor_name),
            "deadlines": list(clocks),
        }
    )  # fmt: skip


_EXTENSION = (
    "id", "reason", "extra_workdays", "requested_by", "requested_by_name", "requested_at", "old_due_at", "new_due_at",
    "consented", "consent_channel", "consent_by", "consent_note", "consent_file_id", "answered_at", "recorded_by",
)  # fmt: skip
_SIGNATURE = (
    "round", "seat", "signed_by", "signed_by_name", "taken_by", "opinion", "satisfied", "satisfaction",
    "signature_file_id", "signed_at",
)  # fmt: skip
_CALLBACK = (
    "number", "attempt", "outcome", "satisfaction", "comment", "called_at", "called_by", "called_by_name",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class OrderParts:
    """The rows that belong to a work order."""

    extensions: Sequence[Any]
    signatures: Sequence[Any]
    photos: Sequence[Any]
    callbacks: Sequence[Any]
    lines: Sequence[Any]


def _extension(one: Any, *, veiled: bool) -> Shown:
    """Return a request for more time; who consented is masked where the owner's record is restricted."""
    shown = _fields(one, *_EXTENSION)
    if veiled and one.consent_by is not None:
        shown["consent_by"] = mask_name(one.consent_by)
    return shown


def _signature(one: Any, *, veiled: bool) -> Shown:
    """Return a signature; the owner's is masked where the owner's record is restricted."""
    shown = _fields(one, *_SIGNATURE)
    if veiled and one.seat is SignatureSeat.OWNER:
        shown["signed_by_name"] = mask_name(one.signed_by_name)
    return shown


def order(row: Any, parts: OrderParts, *, clocks: Sequence[DeadlineRead], principal: Principal) -> Shown:
    """Return the fields of `WorkOrderRead`."""
    facts = order_facts(
        row,
        signatures=parts.signatures,
        open_extension=any(one.answered_at is None for one in parts.extensions),
        captain_id=row.captain_id,
    )
    veiled = row.restricted and not may_see(principal)
    return (
        order_summary(row, clocks)
        | _fields(
            row,
            "class_reasons", "class_overridden_by", "contract_id", "raised_by", "dispatched_by", "accepted_at",
            "completed_by", "completion_note", "round", "callback_done_at", "satisfaction", "account_filed",
            "refusal_reason", "rework_reason", "cancellation_reason", "policy_snapshot_id",
        )
        | {
            "approval": None
            if row.approval_id is None
            else {
                "id": row.approval_id,
                "number": row.approval_number,
                "status": row.approval_status,
                "total_fen": row.approval_total_fen,
            },
            "estimate_lines": [
                _fields(line, "position", "description", "trade", "amount_fen", "work_order_id") for line in parts.lines
            ],
            "extensions": [_extension(one, veiled=veiled) for one in parts.extensions],
            "photos": [_fields(one, "file_id", "phase", "round") for one in parts.photos],
            "signatures": [_signature(one, veiled=veiled) for one in parts.signatures],
            "missing_signatures": facts.missing_signatures,
            "signable_seats": facts.open_to(principal) if row.status is WorkOrderStatus.COMPLETED else [],
            "callbacks": [_fields(one, *_CALLBACK) for one in parts.callbacks],
            "allowed_actions": _allowed(
                WORK_ORDER_LIFECYCLE, row=row, facts=facts, principal=principal, firm_ids=(row.firm_id,)
            ),
        }
    )  # fmt: skip
