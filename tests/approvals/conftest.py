"""A project under the demo policy, and an ear for what the room tells the subjects."""

from collections.abc import Iterator
from datetime import datetime
from uuid import UUID

import pytest
from sqlalchemy.ext.asyncio import AsyncSession
from tests.conftest import FakeClock
from tests.factories.org import Org, make_org

from ownercare_api.approvals.models import Approval
from ownercare_api.approvals.service import ApprovalHooks
from ownercare_api.core.http.state import AppState
from ownercare_api.identity.principal import Principal

Heard = list[tuple[UUID, str, UUID]]


@pytest.fixture
async def org(session: AsyncSession, clock: FakeClock) -> Org:
    """Give a project under the demo policy."""
    return await make_org(session, now=clock())


@pytest.fixture
def heard(state: AppState) -> Iterator[Heard]:
    """Collect (subject id, status, who decided) of every decision that is told to work orders."""
    told: Heard = []

    async def listen(session: AsyncSession, approval: Approval, actor: Principal, now: datetime) -> None:
        told.append((approval.subject_id, approval.status.value, actor.id))

    before = state.parts[ApprovalHooks]
    state.parts[ApprovalHooks] = ApprovalHooks({"work_order": listen})
    yield told
    state.parts[ApprovalHooks] = before
