"""What an owner sees of what he pays under his purchase contracts (OWN-13)."""

from collections import defaultdict
from collections.abc import Collection
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import Select

from ownercare_api.owners import repository_payments as repository
from ownercare_api.owners import views_payments as views
from ownercare_api.owners.service import Connection


def plans(*, owner_id: UUID) -> Select[Any]:
    """Return the query of the plans of an owner's contracts, past ones too."""
    return repository.own_plans(owner_id=owner_id)


async def instalments(
    connection: Connection, *, plan_ids: Collection[UUID], today: date
) -> dict[UUID, list[dict[str, Any]]]:
    """Return the instalments of plans with the payments that count, by plan."""
    found: dict[UUID, list[dict[str, Any]]] = defaultdict(list)
    if not plan_ids:
        return found
    rows = await repository.plan_instalments(connection, plan_ids=plan_ids, today=today)
    received = await repository.payments(connection, instalment_ids=[row.id for row in rows])
    for row in rows:
        paid = [views.own_payment(one) for one in received[row.id] if one.reversed_at is None]
        found[row.plan_id].append(views.instalment(row, today=today) | {"payments": paid})
    return found
