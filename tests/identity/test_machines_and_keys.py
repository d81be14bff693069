"""Machines log in with a secret; keys rotate without a restart; forged tokens are refused."""

import base64
import json
from datetime import timedelta
from uuid import uuid4

import httpx
import pytest
from sqlalchemy.ext.asyncio import AsyncSession
from tests.conftest import FakeClock
from tests.factories.org import make_org
from tests.factories.people import Desk

from ownercare_api.core.http.state import AppState
from ownercare_api.core.ids import uuid7
from ownercare_api.identity.access import PrincipalCache
from ownercare_api.identity.models import ApiClient, ClientSecret
from ownercare_api.identity.service import Desk as IdentityDesk
from ownercare_api.identity.service import digest

SECRET = "a-secret-of-the-400-platform-with-enough-bits"


async def machine(client: httpx.AsyncClient, **form: str) -> httpx.Response:
    return await client.post("/v1/auth/token", data={"grant_type": "client_credentials", **form})


@pytest.mark.rule("ORG-28")
async def test_a_machine_logs_in_with_either_of_two_secrets_until_one_expires(
    client: httpx.AsyncClient, people: Desk, session: AsyncSession, clock: FakeClock, state: AppState
) -> None:
    caller = await people.machine("call_center:lookup")
    known = await session.get_one(ApiClient, caller.id)
    ends = clock() + timedelta(minutes=5)
    for secret, expires_at in ((SECRET, None), ("the-older-one", ends)):
        row = ClientSecret(id=uuid7(), client_id=caller.id, digest=digest(secret), created_at=clock())
        row.expires_at = expires_at
        session.add(row)
    await session.flush()
    for secret in (SECRET, "the-older-one"):
        answer = await machine(client, client_id=known.client_id, client_secret=secret)
        assert (answer.status_code, answer.json()["scope"]) == (200, "call_center:lookup")
        assert answer.json()["refresh_token"] is None
    token = answer.json()["access_token"]
    me = await client.get("/v1/me", headers={"Authorization": f"Bearer {token}"})
    assert (me.status_code, me.json()["kind"]) == (200, "client")
    clock.forward(minutes=5)
    for wrong in ("the-older-one", "guess", SECRET + "x"):
        refused = await machine(client, client_id=known.client_id, client_secret=wrong)
        assert (refused.status_code, refused.json()["code"]) == (401, "bad_credentials")
    known.disabled_at = clock()
    await session.flush()
    state.parts[PrincipalCache] = PrincipalCache()
    assert (await machine(client, client_id=known.client_id, client_secret=SECRET)).status_code == 401
    gone = await client.get("/v1/me", headers={"Authorization": f"Bearer {token}"})
    assert (gone.status_code, gone.json()["code"]) == (401, "invalid_token")


async def test_keys_rotate_and_the_old_one_verifies_for_a_while(
    client: httpx.AsyncClient, people: Desk, session: AsyncSession, clock: FakeClock, state: AppState
) -> None:
    desk: IdentityDesk = state.parts[IdentityDesk]
    before = (await people.staff("records_clerk")).headers
    kid = await desk.keys.rotate(session, now=clock(), overlap=timedelta(minutes=10))
    after = (await people.staff("records_clerk")).headers
    jwks = (await client.get("/.well-known/jwks.json")).json()["keys"]
    assert kid in {key["kid"] for key in jwks}
    assert all("d" not in key and (key["kty"], key["crv"], key["alg"]) == ("EC", "P-256", "ES256") for key in jwks)
    for headers in (before, after):
        assert (await client.get("/v1/me", headers=headers)).status_code == 200
    clock.forward(minutes=11)
    await desk.keys.load(session, now=clock())
    state.parts[PrincipalCache] = PrincipalCache()
    assert (await client.get("/v1/me", headers=before)).status_code == 401
    assert (await client.get("/v1/me", headers=after)).status_code == 200


def _part(content: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(content).encode()).rstrip(b"=").decode()


async def test_forged_tokens_are_refused(client: httpx.AsyncClient, people: Desk) -> None:
    actor = await people.staff("records_clerk")
    head, body, signature = actor.token.split(".")
    claims = json.loads(base64.urlsafe_b64decode(body + "=="))
    header = json.loads(base64.urlsafe_b64decode(head + "=="))
    forged = [
        f"{_part(header | {'alg': 'none'})}.{body}.",
        f"{_part(header | {'alg': 'HS256'})}.{body}.{signature}",
        f"{_part(header | {'typ': 'JWT'})}.{body}.{signature}",
        f"{_part(header | {'crit': ['exp']})}.{body}.{signature}",
        f"{_part(header | {'kid': uuid4().hex})}.{body}.{signature}",
        f"{head}.{_part(claims | {'scope': 'settlements:pay'})}.{signature}",
        f"{head}.{_part(claims | {'sub': str(uuid4())})}.{signature}",
        f"{head}.{body}.{signature[:-4]}AAAA",
        f"{head}.{body}",
        "x" * 9000,
        "ü.ü.ü",
    ]
    for token in forged:
        answer = await client.get("/v1/me", headers={b"authorization": f"Bearer {token}".encode()})
        assert (answer.status_code, answer.json()["code"]) == (401, "invalid_token"), token[:40]


@pytest.mark.rule("ORG-28")
async def test_a_regional_role_reaches_the_region_s_projects_and_no_other(
    client: httpx.AsyncClient, people: Desk, session: AsyncSession, clock: FakeClock
) -> None:
    east = await make_org(session, now=clock())
    sibling = await make_org(session, now=clock(), name="江澜府", region=east.region)
    west = await make_org(session, now=clock(), name="翠湖里")
    actor = await people.staff("customer_service_manager", region_id=east.region.id)
    listed = (await client.get("/v1/projects", headers=actor.headers)).json()["items"]
    assert {one["id"] for one in listed} == {str(east.project.id), str(sibling.project.id)}
    assert (await client.get(f"/v1/projects/{west.project.id}", headers=actor.headers)).status_code == 404
