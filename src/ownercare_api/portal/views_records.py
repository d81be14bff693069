"""Representations of an owner's change requests, consents and privacy requests."""

from typing import Any

from ownercare_api.core.errors import Language
from ownercare_api.identity.principal import Principal
from ownercare_api.owners.consents import PURPOSES
from ownercare_api.owners.lifecycle import CHANGE_LIFECYCLE
from ownercare_api.portal.schemas_records import MyConsentEvent, MyPrivacyRequestRead
from ownercare_api.privacy.service import own_steps

Shown = dict[str, Any]


def change_summary(row: Any, *, principal: Principal) -> Shown:
    """Return the fields of `MyChangeSummary`."""
    names = ("id", "number", "status", "fields", "channel", "entered_at", "verified_at", "ended_at", "version")
    by_you = row.entered_by == principal.id
    open_still = by_you and row.status in CHANGE_LIFECYCLE.steps["withdrawal"].sources
    return {name: getattr(row, name) for name in names} | {
        "by_you": by_you,
        "allowed_actions": ["withdrawal"] if open_still else [],
    }


def change(row: Any, *, principal: Principal) -> Shown:
    """Return the fields of `MyChangeRead`."""
    return change_summary(row, principal=principal) | {
        "former": row.former_masked,
        "submitted": row.submitted_masked,
        "note": row.note,
        "reason": row.reason,
    }


def consents(said: dict[str, Any], *, language: Language) -> Shown:
    """Return the fields of `MyConsentsRead`."""
    items = []
    for purpose, (zh, en) in PURPOSES.items():
        row = said.get(purpose)
        items.append(
            {
                "purpose": purpose,
                "name": zh if language == "zh-CN" else en,
                "given": row is not None and row.given,
                "since": None if row is None else row.at,
                "text_version": None if row is None else row.text_version,
            }
        )
    return {"items": items}


def consent(row: Any) -> Shown:
    """Return the fields of `MyConsentEvent`."""
    return {name: getattr(row, name) for name in MyConsentEvent.model_fields}


def privacy_request(row: Any) -> Shown:
    """Return the fields of `MyPrivacyRequestRead`."""
    names = MyPrivacyRequestRead.model_fields.keys() - {"allowed_actions"}
    return {name: getattr(row, name) for name in names} | {"allowed_actions": own_steps(row)}


def sharing(row: Any) -> Shown:
    """Return the fields of `MySharingRead`."""
    return {name: getattr(row, name) for name in ("id", "at", "categories", "ground", "purpose")} | {
        "firm": row.firm_name,
        "ticket": None if row.ticket_id is None else {"id": row.ticket_id, "number": row.ticket_number},
    }
