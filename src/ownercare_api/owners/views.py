"""Representations of owners and ownerships, built from rows; everything in them is masked already."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any
from uuid import UUID


def homes_by_owner(rows: Sequence[Any]) -> dict[UUID, list[dict[str, Any]]]:
    """Return the fields of `HomeRead`, by owner."""
    found: dict[UUID, list[dict[str, Any]]] = defaultdict(list)
    for row in rows:
        fields = dict(row._mapping)
        found[fields.pop("owner_id")].append(fields)
    return found


def summary(row: Any, *, homes: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the fields of `OwnerSummary`."""
    return {
        "id": row.id,
        "name": row.name,
        "sex": row.sex,
        "phone_masked": row.phone_masked,
        "document_masked": row.document_masked,
        "homes": homes,
        "version": row.version,
    }


def full(row: Any, *, homes: list[dict[str, Any]], phones: Sequence[Any]) -> dict[str, Any]:
    """Return the fields of `OwnerRead`."""
    return summary(row, homes=homes) | {
        "birth_date": row.birth_date,
        "document_kind": row.document_kind,
        "home_address_recorded": row.home_address_recorded,
        "occupation": row.occupation,
        "preferences": row.preferences,
        "phones": [dict(phone._mapping) for phone in phones],
    }


def ownership(row: Any) -> dict[str, Any]:
    """Return the fields of `OwnershipRead`."""
    return {
        "id": row.id,
        "owner": {"id": row.owner_id, "name": row.owner_name},
        "unit_id": row.unit_id,
        "project_id": row.project_id,
        "address": row.address,
        "share_bp": row.share_bp,
        "from_date": row.from_date,
        "to_date": row.to_date,
        "contract_number": row.contract_number,
        "contract_signed_on": row.contract_signed_on,
        "payment_method": row.payment_method,
        "price_fen": row.price_fen,
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
