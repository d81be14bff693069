"""What the declarations of this room's operations share."""

from typing import Any

from ownercare_api.core.errors import PreconditionRequired, Stale
from ownercare_api.core.http.problems import problems
from ownercare_api.core.pagination import InvalidCursor
from ownercare_api.identity.access import MissingScope
from ownercare_api.identity.principal import OutOfReach
from ownercare_api.identity.tokens import InvalidToken
from ownercare_api.owners.service import OwnerMerged, OwnerNotFound


def _declared(
    operation_id: str, summary: str, *refusals: Any, rules: tuple[str, ...], status: int, model: Any
) -> dict[str, Any]:
    made = {
        "operation_id": operation_id,
        "summary": summary,
        "status_code": status,
        "responses": problems(InvalidToken, MissingScope, *refusals),
        "openapi_extra": {"x-rules": list(rules)},
    }
    return made if model is None else made | {"response_model": model}


def reads(
    operation_id: str, summary: str, *refusals: Any, rules: tuple[str, ...], model: Any, paged: bool = False
) -> dict[str, Any]:
    """Declare an operation that looks."""
    more = (InvalidCursor,) if paged else ()
    return _declared(operation_id, summary, *refusals, *more, rules=rules, status=200, model=model)


def writes(
    operation_id: str, summary: str, *refusals: Any, rules: tuple[str, ...], model: Any = None, status: int = 201
) -> dict[str, Any]:
    """Declare an operation that changes something of an owner's."""
    common = (OutOfReach, OwnerNotFound, OwnerMerged)
    return _declared(operation_id, summary, *common, *refusals, rules=rules, status=status, model=model)


def patches(
    operation_id: str, summary: str, *refusals: Any, rules: tuple[str, ...], model: Any = None, status: int = 200
) -> dict[str, Any]:
    """Declare an operation that changes a version of something."""
    return writes(
        operation_id, summary, *refusals, Stale, PreconditionRequired, rules=rules, model=model, status=status
    )
