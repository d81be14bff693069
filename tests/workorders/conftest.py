"""One project with its people and firms, a hand that posts, and a proof that nothing changed."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

import httpx
import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from tests.conftest import FakeClock
from tests.factories.cases import Cast, make_cast
from tests.factories.people import Actor, Desk

from ownercare_api.approvals.models import Approval, ApprovalMaker, ApprovalStep
from ownercare_api.core.database import Base
from ownercare_api.deadlines.models import Deadline
from ownercare_api.files.models import FileObject
from ownercare_api.tickets.models import Ticket, TicketFirm
from ownercare_api.timeline.models import Event
from ownercare_api.workorders import models

WATCHED: tuple[type[Base], ...] = (
    models.SiteSurvey,
    models.SurveyParty,
    models.EstimateLine,
    models.WorkOrder,
    models.WorkOrderPhoto,
    models.Extension,
    models.CompletionSignature,
    models.CallbackAttempt,
    Deadline,
    Approval,
    ApprovalStep,
    ApprovalMaker,
    Ticket,
    TicketFirm,
    FileObject,
    Event,
)

Post = Callable[..., Awaitable[httpx.Response]]
Unchanged = Callable[[], AbstractAsyncContextManager[None]]


async def everything(session: AsyncSession) -> dict[str, list[str]]:
    """Return every row that a step of this room could touch."""
    return {
        model.__tablename__: sorted(repr(row) for row in (await session.execute(select(*model.__table__.c))).all())
        for model in WATCHED
    }


@pytest.fixture
async def cast(session: AsyncSession, people: Desk, clock: FakeClock) -> Cast:
    """Give the people and firms of one project under the demo policy."""
    return await make_cast(session, people, now=clock())


@pytest.fixture
def unchanged(session: AsyncSession) -> Unchanged:
    """Prove that a block left every row as it was."""

    @asynccontextmanager
    async def watch() -> AsyncIterator[None]:
        before = await everything(session)
        yield
        after = await everything(session)
        for table, rows in before.items():
            assert after[table] == rows, table

    return watch


@pytest.fixture
def post(client: httpx.AsyncClient) -> Post:
    """Post a body as somebody: `await post(actor, "/v1/…", field=…)`."""

    async def send(actor: Actor, path: str, **body: Any) -> httpx.Response:
        return await client.post(path, json=body, headers=actor.headers)

    return send


def refused(answer: httpx.Response, status: int, code: str) -> None:
    """Assert a problem document."""
    assert (answer.status_code, answer.json()["code"]) == (status, code), answer.text
