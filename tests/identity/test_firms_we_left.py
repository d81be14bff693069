"""A firm that the company no longer works with: its people and machines are out at once, and come back with it."""

import httpx
import pytest
from sqlalchemy.ext.asyncio import AsyncSession
from tests.factories.contractors import make_firm
from tests.factories.people import Desk

from ownercare_api.contractors.models import FirmKind
from ownercare_api.core.http.state import AppState
from ownercare_api.identity.access import PrincipalCache
from ownercare_api.identity.models import Account, GrantLevel
from ownercare_api.identity.passwords import hash_password

PASSWORD = "临澜江畔-晚风-七点整"


@pytest.mark.rule("ORG-28")
@pytest.mark.rule("OWN-07")
async def test_an_inactive_firm_s_people_and_machines_are_out(
    client: httpx.AsyncClient, people: Desk, session: AsyncSession, state: AppState
) -> None:
    firm, other = [await make_firm(session, kind=FirmKind.CONTRACTOR) for _ in range(2)]
    theirs = await people.firm_user("contractor_representative", firm_id=firm.id)
    neighbour = await people.firm_user("contractor_representative", firm_id=other.id)
    machine = await people.machine("tickets:read", level=GrantLevel.FIRM, targets=(firm.id,))
    account = await session.get_one(Account, theirs.id)
    account.password_hash = await hash_password(PASSWORD)
    await session.flush()
    form = {"grant_type": "password", "username": account.username, "password": PASSWORD}

    async def answers() -> list[int]:
        state.parts[PrincipalCache] = PrincipalCache()
        asked = [await client.get("/v1/me", headers=one.headers) for one in (theirs, machine, neighbour)]
        return [*(one.status_code for one in asked), (await client.post("/v1/auth/token", data=form)).status_code]

    assert await answers() == [200, 200, 200, 200]
    firm.active = False
    await session.flush()
    assert await answers() == [401, 401, 200, 401]
    firm.active = True
    await session.flush()
    assert await answers() == [200, 200, 200, 200]
