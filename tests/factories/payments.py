"""Contracts with plans of payments."""

from collections.abc import Sequence
from datetime import date
from typing import Any

import httpx
from sqlalchemy.ext.asyncio import AsyncSession
from tests.factories.people import Actor

from ownercare_api.core.ids import uuid7
from ownercare_api.owners.lifecycle_payments import InstalmentKind
from ownercare_api.owners.models import Ownership
from ownercare_api.owners.models_payments import Instalment, PaymentPlan

TERMS: dict[str, Any] = {
    "price_fen": 300_000_000,
    "instalments": [
        {"kind": "deposit", "amount_fen": 10_000_000, "due_on": "2026-11-18"},
        {"kind": "first_payment", "amount_fen": 80_000_000, "due_on": "2026-11-20"},
        {"kind": "loan", "amount_fen": 210_000_000, "due_on": "2027-03-31"},
    ],
}


async def make_plan(
    session: AsyncSession, *, ownerships: Sequence[Ownership], parts: Sequence[tuple[int, date]]
) -> tuple[PaymentPlan, list[Instalment]]:
    """Give a contract a plan of instalments, by amount in fen and due day."""
    price = sum(amount for amount, _ in parts)
    plan = PaymentPlan(id=uuid7(), unit_id=ownerships[0].unit_id, price_fen=price)
    session.add(plan)
    await session.flush()
    made = []
    for place, (amount, due_on) in enumerate(parts, start=1):
        kind = InstalmentKind.INSTALMENT
        made.append(
            Instalment(
                id=uuid7(), plan_id=plan.id, place=place, kind=kind, amount_fen=amount, due_on=due_on, received_fen=0
            )
        )
    session.add_all(made)
    for one in ownerships:
        one.payment_plan_id, one.price_fen = plan.id, price
    await session.flush()
    return plan, made


async def put(
    client: httpx.AsyncClient, path: str, actor: Actor, body: dict[str, Any], *, version: int | str = "*"
) -> httpx.Response:
    """PUT with `If-Match`."""
    match = version if version == "*" else f'"{version}"'
    return await client.put(path, json=body, headers=actor.headers | {"If-Match": str(match)})


async def pay(client: httpx.AsyncClient, actor: Actor, instalment_id: str, **more: Any) -> httpx.Response:
    """Record money received, with a key of its own."""
    body = {"received_on": "2026-11-20", "reference": f"POS-{uuid7().hex[-8:]}", **more}
    headers = actor.headers | {"Idempotency-Key": uuid7().hex}
    return await client.post(f"/v1/contract-payments/{instalment_id}/payments", json=body, headers=headers)


async def reverse(client: httpx.AsyncClient, actor: Actor, instalment_id: str, payment_id: str) -> httpx.Response:
    """Take a payment back, with a key of its own."""
    path = f"/v1/contract-payments/{instalment_id}/payments/{payment_id}/reversal"
    headers = actor.headers | {"Idempotency-Key": uuid7().hex}
    return await client.post(path, json={"reason": "银行退回"}, headers=headers)
