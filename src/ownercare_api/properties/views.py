"""Representations of homes."""

from typing import Any

from ownercare_api.identity.principal import Principal
from ownercare_api.properties.schemas import UnitLinks, UnitRead, UnitSummary


def fields(row: Any) -> dict[str, Any]:
    """Return a row as it is: its columns are the fields of the answer."""
    return dict(row._mapping)


def full(row: Any, *, principal: Principal) -> UnitRead:
    """Return a home from its row with `project_name`; whoever may write sees the step that is next."""
    writes = principal.may("properties:write", project_id=row.project_id)
    steps = ["delivery"] if row.delivered_on is None else ["occupancy"]
    return UnitRead(
        **UnitSummary.model_validate(row).model_dump(),
        project_name=row.project_name,
        allowed_actions=steps if writes else [],
        deadlines=[],
        links=UnitLinks(owners=f"/v1/owners?unit_id={row.id}", tickets=f"/v1/tickets?unit_id={row.id}"),
    )
