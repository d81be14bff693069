"""An `Idempotency-Key` gives its answer again only while the caller may still do what the answer was given for."""

from datetime import timedelta

import httpx
import pytest
from sqlalchemy import func, select, update
from sqlalchemy.ext.asyncio import AsyncSession
from tests.access.bench import Bench
from tests.conftest import FakeClock
from tests.factories.cases import bare_ticket
from tests.factories.org import make_org
from tests.factories.owners import make_owner
from tests.factories.people import Actor, Desk

from ownercare_api.core.http.state import AppState
from ownercare_api.core.idempotency_table import IdempotentAnswer
from ownercare_api.core.ids import uuid7
from ownercare_api.identity.access import PrincipalCache
from ownercare_api.identity.models import Delegation, GrantLevel, RoleGrant
from ownercare_api.owners.models_looks import OwnerLook

_BODY = {"caller_name": "沈若溪", "channel": "hotline", "summary": "来电催问上门时间"}


@pytest.fixture
def bench(session: AsyncSession, people: Desk, client: httpx.AsyncClient, state: AppState, clock: FakeClock) -> Bench:
    return Bench(session=session, people=people, client=client, state=state, now=clock())


async def ask(bench: Bench, path: str, actor: Actor) -> httpx.Response:
    bench.state.parts[PrincipalCache] = PrincipalCache()
    return await bench.client.post(path, json=_BODY, headers={**actor.headers, "Idempotency-Key": "one"})


async def test_a_lost_project_takes_its_answers_along(bench: Bench) -> None:
    here, there = [await make_org(bench.session, now=bench.now, name=name) for name in ("云栖雅苑", "白鹭洲府")]
    ticket = await bare_ticket(bench.session, here, now=bench.now)
    actor = await bench.people.staff("records_clerk", project_id=here.project.id)
    other = RoleGrant(
        id=uuid7(), account_id=actor.id, role="records_clerk", level=GrantLevel.PROJECT, target_id=there.project.id
    )
    other.starts_at = bench.now - timedelta(days=1)
    bench.session.add(other)
    await bench.session.flush()
    path = f"/v1/tickets/{ticket.id}/register-entries"
    first = await ask(bench, path, actor)
    assert first.status_code == 201
    again = await ask(bench, path, actor)
    assert (again.status_code, again.content, again.headers["idempotency-replayed"]) == (201, first.content, "true")

    mine = (RoleGrant.account_id == actor.id, RoleGrant.target_id == here.project.id)
    await bench.session.execute(update(RoleGrant).where(*mine).values(ends_at=bench.now))
    before = await bench.everything()
    refused = await ask(bench, path, actor)
    assert (refused.status_code, refused.json()["code"]) == (403, "out_of_reach")
    assert str(ticket.id) not in refused.text.replace(path, "")
    assert await bench.everything() == before

    await bench.session.execute(update(RoleGrant).where(*mine).values(ends_at=None))
    assert (await ask(bench, path, actor)).content == first.content


async def test_more_authority_than_before_does_no_harm(bench: Bench) -> None:
    org = await make_org(bench.session, now=bench.now)
    ticket = await bare_ticket(bench.session, org, now=bench.now)
    actor = await bench.people.staff("records_clerk", project_id=org.project.id)
    path = f"/v1/tickets/{ticket.id}/register-entries"
    first = await ask(bench, path, actor)
    await bench.grant(actor, "customer_service_manager")
    again = await ask(bench, path, actor)
    assert (again.status_code, again.content) == (201, first.content)


async def test_lent_authority_gone_takes_its_answers_along(bench: Bench) -> None:
    org = await make_org(bench.session, now=bench.now)
    ticket = await bare_ticket(bench.session, org, now=bench.now)
    lender = await bench.people.staff("records_clerk", project_id=org.project.id)
    deputy = await bench.people.staff("sales_supervisor")
    await bench.lend(lender, deputy)
    path = f"/v1/tickets/{ticket.id}/register-entries"
    first = await ask(bench, path, deputy)
    assert first.status_code == 201
    await bench.session.execute(update(Delegation).values(withdrawn_at=bench.now))
    refused = await ask(bench, path, deputy)
    assert (refused.status_code, refused.json()["code"]) == (403, "out_of_reach")


@pytest.mark.rule("OWN-07")
@pytest.mark.parametrize(
    ("path", "look"), [("/v1/owner-searches", "search"), ("/v1/call-center/caller-lookups", "screen_pop")]
)
async def test_a_look_is_never_given_again_from_the_store(bench: Bench, path: str, look: str) -> None:
    """Whoever repeats a search with its key looks again: it is on record again, and shows what may be seen by then."""
    org = await make_org(bench.session, now=bench.now)
    owner = await make_owner(bench.session, bench.state.keyring, units=[org.units[0]])
    agent = await bench.people.staff("call_center_agent")
    headers = {**agent.headers, "Idempotency-Key": "one"}
    shown = []
    for restricted_at in (None, bench.now):
        owner.restricted_at = restricted_at
        await bench.session.flush()
        answer = await bench.client.post(path, json={"phone": "13812341234"}, headers=headers)
        assert (answer.status_code, answer.headers.get("idempotency-replayed")) == (200, None), answer.text
        shown.append("王秀英" in answer.text)
    assert shown == [True, False]
    looks = (await bench.session.scalars(select(OwnerLook).order_by(OwnerLook.id))).all()
    assert [(one.look, one.owner_ids, one.actor_id) for one in looks] == [(look, [owner.id], agent.id)] * 2
    assert await bench.session.scalar(select(func.count()).select_from(IdempotentAnswer)) == 0
