"""Representations for owners, built from rows that are his already; here it is decided what of them he reads."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from ownercare_api.core.errors import Language
from ownercare_api.deadlines.views import DeadlineRead
from ownercare_api.files.media import KINDS
from ownercare_api.identity.principal import Principal, PrincipalKind
from ownercare_api.identity.roles import DEPARTMENTS, ROLES
from ownercare_api.portal import sentences
from ownercare_api.portal.lifecycle import repair_status
from ownercare_api.portal.schemas_cases import Who
from ownercare_api.tickets import own as tickets
from ownercare_api.workorders.own import Cover, OwnParts

Shown = dict[str, Any]
Clocks = Sequence[DeadlineRead]


def _fields(row: Any, *names: str) -> Shown:
    return {name: getattr(row, name) for name in names}


def _ref(row_id: UUID | None, name: str | None) -> Shown | None:
    return None if row_id is None else {"id": row_id, "name": name}


def _home(row: Any) -> Shown | None:
    return None if row.unit_id is None else {"id": row.unit_id, "address": row.unit_address}


def _department(code: str | None) -> Shown | None:
    return None if code is None else {"code": code, "name": DEPARTMENTS.get(code, code)}


def _post(code: str | None) -> Shown | None:
    return None if code is None else {"code": code, "name": ROLES[code].zh if code in ROLES else code}


# The owner and his homes.


def profile(row: Any, *, phones: Sequence[Any], contacts: Sequence[Any], homes: Sequence[Any]) -> Shown:
    """Return the fields of `MyProfileRead`."""
    return _fields(
        row,
        "id", "name", "sex", "birth_date", "document_kind", "document_masked", "home_address_recorded", "occupation",
        "preferences", "special_needs", "preferred_channel", "preferred_times", "version",
    ) | {
        "phones": [_fields(phone, "id", "number_masked", "is_primary", "label", "may_log_in") for phone in phones],
        "contacts": [
            _fields(
                one,
                "id", "name", "relation", "number_masked", "is_emergency", "valid_from", "valid_to",
                "may_speak_for_owner",
            )
            for one in contacts
        ],
        "homes": [home_summary(one) for one in homes],
    }  # fmt: skip


def home_summary(row: Any) -> Shown:
    """Return the fields of `MyHomeSummary`."""
    return _fields(row, "id", "address", "share_bp", "from_date", "delivered_on", "moved_in_on") | {
        "project": _ref(row.project_id, row.project_name)
    }


def home(row: Any, *, covers: Sequence[Cover]) -> Shown:
    """Return the fields of `MyHomeRead`; its version is that of the home and the purchase together."""
    return (
        home_summary(row)
        | _fields(
            row,
            "number", "floor", "house_type", "area_cm2", "contract_number", "contract_signed_on", "payment_method",
            "price_fen",
        )
        | {
            "building": row.building_name,
            "warranty": [_fields(one, "building_part", "name", "covered_until", "in_warranty") for one in covers],
            "version": row.version + row.ownership_version - 1,
        }
    )  # fmt: skip


def look(row: Any, *, language: Language) -> Shown:
    """Return the fields of `MyLookRead`: the person is named, for that is what the trace is for (OWN-07)."""
    return _fields(row, "id", "at", "look", "field", "purpose") | {
        "who": row.actor_name,
        "who_kind": row.actor_kind,
        "department": _department(row.department),
        "post": _post(row.post),
        "words": sentences.look_words(row.look, language=language),
        "ticket": None if row.ticket_id is None else {"id": row.ticket_id, "number": row.ticket_number},
    }


# Cases.


def deadlines(clocks: Clocks, *, language: Language) -> list[Shown]:
    """Return the fields of `MyDeadlineRead` of those clocks that are owed to the owner."""
    return [
        _fields(clock, "kind", "round", "due_at", "original_due_at", "stopped_at", "state", "held_since")
        | {"name": sentences.clock_name(clock.kind, language=language)}
        for clock in clocks
        if clock.kind in {kind.value for kind in sentences.CLOCKS}
    ]


def ticket_summary(row: Any, *, clocks: Clocks, principal: Principal, language: Language) -> Shown:
    """Return the fields of `MyTicketSummary`."""
    return _fields(
        row, "id", "number", "status", "category", "title", "urgent", "mine", "received_at", "updated_at", "version"
    ) | {
        "home": _home(row),
        "project": _ref(row.project_id, row.project_name),
        "department": _department(row.department),
        "allowed_actions": tickets.allowed(row, principal=principal),
        "deadlines": deadlines(clocks, language=language),
    }


def ticket(
    row: Any,
    *,
    clocks: Clocks,
    told: Sequence[Any],
    visits: Sequence[Any],
    orders: Sequence[Any],
    files: Sequence[Any],
    principal: Principal,
    language: Language,
) -> Shown:
    """Return the fields of `MyTicketRead`. Of a case in another's name the person stays hidden."""
    personal = ("claim_fen", "caller_name", "caller_phone_masked")
    return (
        ticket_summary(row, clocks=clocks, principal=principal, language=language)
        | _fields(row, "channel", "description", "demand", "round", "resolved_at", "closed_at")
        | {name: getattr(row, name) if row.mine else None for name in personal}
        | {
            "held_since": row.held_at,
            "told_at": row.owner_informed_at,
            "result": row.result if row.owner_informed_at is not None else None,
            "told": [
                _fields(one, "kind", "channel", "content", "at")
                | {
                    "opinion": one.owner_opinion if row.mine else None,
                    "satisfied": one.satisfied if row.mine else None,
                }
                for one in told
            ],
            "visits": [_fields(one, "id", "number", "status", "scheduled_at", "visited_at") for one in visits],
            "work_orders": [_fields(one, "id", "number") | {"status": repair_status(one.status)} for one in orders],
            "files": [file(one, principal=principal) for one in files],
        }
    )


def event(row: Any, *, principal: Principal, language: Language) -> Shown:
    """Return the fields of `MyEventRead` for a row of `repository.history`."""
    return _fields(row, "id", "kind", "occurred_at") | {
        "sentence": sentences.sentence(kind=row.kind, data=row.data, language=language),
        "who": _who(row, principal),
        "department": _department(row.department),
    }


_WHO = {
    PrincipalKind.STAFF.value: Who.STAFF,
    PrincipalKind.FIRM_USER.value: Who.PARTNER,
    PrincipalKind.OWNER.value: Who.OTHER_OWNER,
}


def _who(row: Any, principal: Principal) -> Who:
    return Who.YOU if row.actor_id == principal.id else _WHO.get(row.actor_kind, Who.SYSTEM)


def file(row: Any, *, principal: Principal) -> Shown:
    """Return the fields of `MyFileRead`."""
    return _fields(row, "id", "ticket_id", "purpose", "media_type", "size_bytes", "created_at") | {
        "name": file_name(row, principal=principal),
        "by_you": row.uploaded_by == principal.id,
        "content": f"/v1/my/files/{row.id}/content",
        "version": 1 + (row.ticket_id is not None) + (row.kept_since is not None),
    }


def file_name(row: Any, *, principal: Principal) -> str:
    """Return an attachment's name: his own as he gave it; others may have put anything into theirs."""
    if row.uploaded_by == principal.id:
        return str(row.name)
    return f"{row.purpose.value}.{KINDS[row.media_type].suffixes[0]}"


# Repairs.


def order_summary(row: Any, *, clocks: Clocks, language: Language) -> Shown:
    """Return the fields of `MyWorkOrderSummary`."""
    return _fields(
        row,
        "id", "number", "building_part", "trades", "emergency", "dispatched_at", "completed_at", "signed_off_at",
        "updated_at", "version",
    ) | {
        "status": repair_status(row.status),
        "ticket": {"id": row.ticket_id, "number": row.ticket_number},
        "home": _home(row),
        "project": _ref(row.project_id, row.project_name),
        "company": row.firm_name,
        "team": row.team_name,
        "worker": row.worker_name,
        "deadlines": deadlines(clocks, language=language),
    }  # fmt: skip


def order(row: Any, parts: OwnParts, *, clocks: Clocks, principal: Principal, language: Language) -> Shown:
    """Return the fields of `MyWorkOrderRead`."""
    return (
        order_summary(row, clocks=clocks, language=language)
        | _fields(row, "accepted_at", "round")
        | {
            "surveyed_at": row.visited_at,
            "survey_appointment_at": row.scheduled_at,
            "work_done": row.completion_note,
            "called_back_at": row.callback_done_at,
            "extensions": [
                _fields(
                    one,
                    "id", "reason", "extra_workdays", "requested_at", "old_due_at", "new_due_at", "consented",
                    "answered_at",
                )
                for one in parts.extensions
            ],
            "signature": _signature(row, parts.signature, principal=principal),
            "photos": [_fields(one, "file_id", "phase", "round") for one in parts.photos],
            "allowed_actions": parts.allowed,
        }
    )  # fmt: skip


def _signature(row: Any, signed: Any, *, principal: Principal) -> Shown | None:
    if signed is None:
        return None
    his = signed.signed_by == principal.id or (signed.signed_by is None and row.mine)
    opinion = {name: getattr(signed, name) if his else None for name in ("satisfied", "satisfaction", "opinion")}
    return opinion | {"signed_at": signed.signed_at}


# Questionnaires.


def questionnaire(
    row: Any, *, homes: Sequence[Any], answered: frozenset[tuple[UUID, UUID]], scales: dict[UUID, int], cases: Any
) -> Shown:
    """Return the fields of `MyQuestionnaireRead`."""
    return _fields(row, "id", "code", "edition", "title", "published_at", "questions") | {
        "homes": [
            {
                "id": one.id,
                "address": one.address,
                "answered": (row.id, one.id) in answered,
                "scale_max": scales.get(one.project_id),
            }
            for one in homes
        ],
        "cases": [{"id": one.id, "number": one.number} for one in cases],
    }


def response_summary(row: Any) -> Shown:
    """Return the fields of `MyResponseSummary`."""
    return _fields(
        row,
        "id", "number", "questionnaire_id", "title", "ticket_id", "unit_id", "mode", "by_yourself", "recorded_at",
        "version",
    )  # fmt: skip


def response(row: Any) -> Shown:
    """Return the fields of `MyResponseRead`; the answers in the questionnaire's order."""
    return response_summary(row) | {
        "answers": [
            {"question": one["key"], "value": row.answers[one["key"]]}
            for one in row.questions
            if one["key"] in row.answers
        ]
    }
