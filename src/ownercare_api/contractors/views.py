"""Representations of firms, contracts, teams and workers, built from rows."""

from typing import Any


def plain(row: Any) -> dict[str, Any]:
    """Return a row as it is: its columns are the fields of the answer."""
    return dict(row._mapping)


def contract(row: Any) -> dict[str, Any]:
    """Return the fields of `ContractRead`."""
    return {
        "id": row.id,
        "firm": {"id": row.firm_id, "name": row.firm_name},
        "project_id": row.project_id,
        "number": row.number,
        "title": row.title,
        "amount_fen": row.amount_fen,
        "retention_bp": row.retention_bp,
        "accepted_on": row.accepted_on,
        "has_repair_agreement": row.has_repair_agreement,
        "warranty_terms": row.warranty_terms or [],
        "version": row.version,
    }


def team(row: Any) -> dict[str, Any]:
    """Return the fields of `TeamSummary`."""
    return {
        "id": row.id,
        "firm": {"id": row.firm_id, "name": row.firm_name},
        "name": row.name,
        "captain": {"id": row.captain_id, "name": row.captain_name},
        "project_ids": row.project_ids,
        "active": row.active,
        "version": row.version,
    }


def worker(row: Any) -> dict[str, Any]:
    """Return the fields of `WorkerRead`, from a row or an object."""
    return {
        "id": row.id,
        "team_id": row.team_id,
        "account_id": row.account_id,
        "name": row.name,
        "trades": row.trades,
        "skill_level": row.skill_level,
        "experience_years": row.experience_years,
        "active": row.active,
        "version": row.version,
    }
