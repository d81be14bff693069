"""What the self-approval tables stand on: people with several roles, lent authority, proof that nothing changed."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import httpx
from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncSession
from tests.access.proof import UNTOLD
from tests.factories.people import Actor, Desk

from ownercare_api.core.database import Base
from ownercare_api.core.http.state import AppState
from ownercare_api.core.ids import uuid7
from ownercare_api.identity.access import PrincipalCache
from ownercare_api.identity.models import Delegation, RoleGrant
from ownercare_api.identity.roles import ROLES


@dataclass(frozen=True)
class Attempt:
    """A step that `wrong` must not take and `right` may: the same request of both."""

    wrong: Actor
    right: Actor
    path: str
    body: Any = None
    code: str = "own_work"
    status: int = 403
    money: bool = False
    """Money moves: it needs an `Idempotency-Key`."""


@dataclass
class Bench:
    """One test's database, people and application."""

    session: AsyncSession
    people: Desk
    client: httpx.AsyncClient
    state: AppState
    now: datetime

    async def lend(self, lender: Actor, borrower: Actor) -> None:
        """Lend all that somebody holds to a colleague, who logs in anew."""
        for grant in list(await self.session.scalars(select(RoleGrant).where(RoleGrant.account_id == lender.id))):
            self.session.add(
                Delegation(
                    id=uuid7(),
                    grant_id=grant.id,
                    from_account_id=lender.id,
                    to_account_id=borrower.id,
                    starts_at=self.now - timedelta(hours=1),
                    ends_at=self.now + timedelta(days=7),
                    reason="年休假",
                    made_by=lender.id,
                )
            )
        await self.session.flush()
        borrower.scopes = borrower.scopes | lender.scopes
        self.state.parts[PrincipalCache] = PrincipalCache()

    async def grant(self, actor: Actor, role: str) -> None:
        """Give somebody one more role, company-wide."""
        made = RoleGrant(id=uuid7(), account_id=actor.id, role=role, level="company", target_id=None)
        made.starts_at = self.now - timedelta(days=1)
        self.session.add(made)
        await self.session.flush()
        actor.scopes = actor.scopes | ROLES[role].scopes
        self.state.parts[PrincipalCache] = PrincipalCache()

    async def post(self, path: str, actor: Actor, body: Any = None, *, money: bool = False) -> httpx.Response:
        """POST as somebody."""
        headers = actor.headers | ({"Idempotency-Key": uuid7().hex} if money else {})
        return await self.client.post(path, json=body, headers=headers)

    async def done(self, path: str, actor: Actor, body: Any = None, *, money: bool = False) -> Any:
        """POST and expect success."""
        answer = await self.post(path, actor, body, money=money)
        assert answer.status_code in (200, 201), answer.text
        return answer.json()

    async def everything(self) -> dict[str, Any]:
        """Return a digest of every table but those that log who was refused."""
        tables = [table.name for table in Base.metadata.sorted_tables if table.name not in UNTOLD]
        digests = ", ".join(
            f"(SELECT coalesce(md5(string_agg(t::text, '|' ORDER BY t::text)), '') FROM \"{name}\" t)"
            for name in tables
        )
        row = (await self.session.execute(text(f"SELECT {digests}"))).one()
        return dict(zip(tables, row, strict=True))

    async def prove(self, attempt: Attempt) -> None:
        """The wrong person is refused with the exact code and nothing changed; the right one is not."""
        before = await self.everything()
        refused = await self.post(attempt.path, attempt.wrong, attempt.body, money=attempt.money)
        document = refused.json()
        assert (refused.status_code, document["code"]) == (attempt.status, attempt.code), refused.text
        after = await self.everything()
        assert {name for name, digest in after.items() if digest != before[name]} == set()
        allowed = await self.post(attempt.path, attempt.right, attempt.body, money=attempt.money)
        assert allowed.status_code in (200, 201), allowed.text


Way = Callable[[Bench], Awaitable[Attempt]]
"""Prepares one way of approving one's own work."""


def decisions(approval_id: UUID | None) -> str:
    """Return where a decision is made."""
    return f"/v1/approvals/{approval_id}/decisions"
