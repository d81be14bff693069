"""Representations of owners and ownerships, built from rows; everything in them is masked already."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import date
from typing import Any
from uuid import UUID

from ownercare_api.owners import restriction


def homes_by_owner(rows: Sequence[Any]) -> dict[UUID, list[dict[str, Any]]]:
    """Return the fields of `HomeRead`, by owner."""
    found: dict[UUID, list[dict[str, Any]]] = defaultdict(list)
    for row in rows:
        fields = dict(row._mapping)
        found[fields.pop("owner_id")].append(fields)
    return found


def summary(row: Any, *, homes: list[dict[str, Any]], seen: bool = False) -> dict[str, Any]:
    """Return the fields of `OwnerSummary`; a restricted record is veiled unless the caller may see it."""
    return restriction.veil(_summary(row, homes=homes), restricted=row.restricted_at is not None, seen=seen)


def _summary(row: Any, *, homes: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "id": row.id,
        "name": row.name,
        "sex": row.sex,
        "phone_masked": row.phone_masked,
        "document_masked": row.document_masked,
        "homes": homes,
        "version": row.version,
    }


def age(birth_date: date | None, *, today: date) -> int | None:
    """Return whole years on a day; who was born on 29 February is a year older on 1 March where there is none."""
    if birth_date is None:
        return None
    return today.year - birth_date.year - ((today.month, today.day) < (birth_date.month, birth_date.day))


PROFILE = (
    "birth_date", "document_kind", "home_address_recorded", "occupation", "preferences", "special_needs",
    "preferred_channel", "preferred_times", "language", "purchase_need", "checked_on",
)  # fmt: skip


def full(
    row: Any, *, homes: list[dict[str, Any]], phones: Sequence[Any], today: date | None = None, seen: bool = False
) -> dict[str, Any]:
    """Return the fields of `OwnerRead`; without a day there is no age. A restricted record is veiled as in lists."""
    fields = (
        _summary(row, homes=homes)
        | {name: getattr(row, name) for name in PROFILE}
        | {
            "age": None if today is None else age(row.birth_date, today=today),
            "phones": [dict(phone._mapping) for phone in phones],
        }
    )
    return restriction.veil(fields, restricted=row.restricted_at is not None, seen=seen)


CONTRACT = (
    "contract_number", "contract_signed_on", "payment_method", "price_fen", "purchase_place", "deposit_fen",
    "first_payment_fen", "submitted_by", "submitted_at", "reviewed_by", "reviewed_at", "review_note", "transfer_id",
)  # fmt: skip


def owner_ref(row: Any, *, seen: bool) -> dict[str, Any]:
    """Return id and name of the owner of a row with `owner_id`, `owner_name` and `restricted_at`."""
    name = restriction.shown_name(row.owner_name, restricted=row.restricted_at is not None, seen=seen)
    return {"id": row.owner_id, "name": name}


def household(row: Any, *, seen: bool) -> dict[str, Any]:
    """Return the fields of `HouseholdRead`; a restricted record's name, and those of its contacts, are masked."""
    fields = dict(row._mapping)
    fields["members"] = [_member(one, seen=seen) for one in fields["members"]]
    return fields


def _member(given: dict[str, Any], *, seen: bool) -> dict[str, Any]:
    kept = {name: value for name, value in given.items() if name != "restricted"}
    return kept | {"name": restriction.shown_name(given["name"], restricted=given["restricted"], seen=seen)}


def ownership(row: Any, *, allowed_actions: Sequence[str] = (), seen: bool = False) -> dict[str, Any]:
    """Return the fields of `OwnershipRead`."""
    return {name: getattr(row, name) for name in CONTRACT} | {
        "status": row.filing_status,
        "allowed_actions": list(allowed_actions),
        "id": row.id,
        "owner": owner_ref(row, seen=seen),
        "unit_id": row.unit_id,
        "project_id": row.project_id,
        "address": row.address,
        "share_bp": row.share_bp,
        "from_date": row.from_date,
        "to_date": row.to_date,
        "version": row.version,
    }


def disclosure(row: Any) -> dict[str, Any]:
    """Return the fields of `DisclosureRead`, from a row or an object."""
    return {
        "id": row.id,
        "actor_id": row.actor_id,
        "actor_name": row.actor_name,
        "field": row.field,
        "purpose": row.purpose,
        "ticket_id": row.ticket_id,
        "at": row.at,
    }
