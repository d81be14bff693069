"""Ways around a rule that once were open: each was found by trying, and is closed."""

from typing import Any

import httpx
import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from tests.access.bench import Bench
from tests.conftest import FakeClock
from tests.factories.files import PNG
from tests.factories.org import make_org
from tests.factories.owners import make_owner
from tests.factories.people import Actor, Desk

from ownercare_api.core.http.state import AppState
from ownercare_api.identity.access import PrincipalCache
from ownercare_api.owners.login import LoginBook
from ownercare_api.owners.models import OwnerPhone, Ownership
from ownercare_api.owners.models_looks import OwnerLook

CALLED = {"verification": "called_back", "note": "本人确认"}


@pytest.fixture
def bench(session: AsyncSession, people: Desk, client: httpx.AsyncClient, state: AppState, clock: FakeClock) -> Bench:
    return Bench(session=session, people=people, client=client, state=state, now=clock())


async def _deputy(bench: Bench) -> tuple[Actor, Actor]:
    lender = await bench.people.staff("customer_relations_specialist")
    deputy = await bench.people.staff("design_engineer")
    await bench.lend(lender, deputy)
    return lender, deputy


@pytest.mark.rule("ORG-10", "OWN-05")
async def test_lender_verifies_what_the_deputy_entered(bench: Bench) -> None:
    """Reading 10: what was entered with lent authority is the lender's too."""
    org = await make_org(bench.session, now=bench.now)
    owner = await make_owner(bench.session, bench.state.keyring, units=[org.units[0]])
    lender, deputy = await _deputy(bench)
    body = {"owner_id": str(owner.id), "changes": {"home_address": "某路 1 号"}, "channel": "visit"}
    made = await bench.done("/v1/owner-change-requests", deputy, body)
    answer = await bench.post(f"/v1/owner-change-requests/{made['id']}/verification", lender, CALLED)
    assert (answer.status_code, answer.json().get("code")) == (403, "own_change")


@pytest.mark.rule("ORG-10", "OWN-13")
async def test_lender_files_what_the_deputy_submitted(bench: Bench) -> None:
    org = await make_org(bench.session, now=bench.now)
    owner = await make_owner(bench.session, bench.state.keyring, units=[org.units[0]])
    lender, deputy = await _deputy(bench)
    body: dict[str, Any] = {
        "unit_id": str(org.units[1].id),
        "from_date": "2025-06-30",
        "contract_number": "HT-1",
        "contract_signed_on": "2024-03-17",
        "payment_method": "mortgage",
        "price_fen": 268_000_000,
        "purchase_place": "售楼处",
    }
    bought = await bench.done(f"/v1/owners/{owner.id}/ownerships", deputy, body)
    await bench.done(f"/v1/ownerships/{bought['id']}/submission", deputy)
    answer = await bench.post(f"/v1/ownerships/{bought['id']}/filing", lender, {"note": "已备案"})
    assert (answer.status_code, answer.json().get("code")) == (403, "own_contract")


@pytest.mark.rule("OWN-05", "OWN-12")
@pytest.mark.parametrize("victim_survives", [True, False])
async def test_a_merge_gives_a_stranger_s_number_the_owner_s_login(bench: Bench, victim_survives: bool) -> None:
    """OWN-05: nobody logs in with a number before a second person has verified it; a merge goes around that."""
    org = await make_org(bench.session, now=bench.now)
    victim = await make_owner(bench.session, bench.state.keyring, units=[org.units[0]], phone="13812341234")
    one = await bench.people.staff("customer_relations_supervisor")
    fake = await bench.done("/v1/owners", one, {"name": "王秀英", "phones": [{"number": "13900001111"}]})
    pair = (str(victim.id), fake["id"]) if victim_survives else (fake["id"], str(victim.id))
    await bench.done("/v1/owner-merges", one, {"survivor_id": pair[0], "merged_id": pair[1], "reason": "同一人"})
    book = LoginBook(bench.state.keyring)
    assert await book.owners_of_phone(bench.session, book.phone_indexes("+8613900001111")) == []


@pytest.mark.rule("OWN-05")
@pytest.mark.parametrize("by", ["change", "delete"])
async def test_a_number_that_was_taken_away_leaves_no_login_open(bench: Bench, by: str) -> None:
    """The telephone was stolen, or the number has a new holder: the login made with it goes on for up to 14 days."""
    org = await make_org(bench.session, now=bench.now)
    owner = await make_owner(bench.session, bench.state.keyring, units=[org.units[0]])
    login = await bench.people.owner(owner.id)
    clerk, other = [await bench.people.staff("customer_relations_specialist") for _ in range(2)]
    old = (await bench.session.scalars(select(OwnerPhone.id))).one()
    if by == "change":
        changes: dict[str, Any] = {"add_phones": [{"number": "13900001111"}], "primary_phone": "13900001111"}
        body = {"owner_id": str(owner.id), "changes": changes | {"remove_phones": [str(old)]}, "channel": "visit"}
        made = await bench.done("/v1/owner-change-requests", clerk, body)
        await bench.done(f"/v1/owner-change-requests/{made['id']}/verification", other, CALLED)
        await bench.done(f"/v1/owner-change-requests/{made['id']}/application", other, {})
    else:
        await bench.done(f"/v1/owners/{owner.id}/phones", clerk, {"number": "13900001111", "is_primary": True})
        answer = await bench.client.delete(f"/v1/owners/{owner.id}/phones/{old}", headers=clerk.headers)
        assert answer.status_code == 204
    bench.state.parts[PrincipalCache] = PrincipalCache()
    assert (await bench.client.get("/v1/my/profile", headers=login.headers)).status_code == 401


@pytest.mark.rule("OWN-07")
async def test_scans_of_documents_are_not_for_everybody_with_files_read(bench: Bench) -> None:
    """OWN-07: evidence of a change request (a scan of the identity card) is listed and given to people of the project
    who may not see owners at all, and leaves no look."""
    org = await make_org(bench.session, now=bench.now)
    owner = await make_owner(bench.session, bench.state.keyring, units=[org.units[0]])
    clerk = await bench.people.staff("customer_relations_specialist")
    form = {"purpose": "document", "project_id": str(org.project.id)}
    scan = ("身份证.png", PNG, "image/png")
    sent = await bench.client.post("/v1/files", data=form, files={"file": scan}, headers=clerk.headers)
    assert sent.status_code == 201, sent.text
    scan_id = sent.json()["id"]
    body = {"owner_id": str(owner.id), "changes": {"home_address": "某路 1 号"}, "channel": "visit"}
    await bench.done("/v1/owner-change-requests", clerk, body | {"evidence_file_ids": [scan_id]})
    maintainer = await bench.people.staff("facility_maintainer", project_id=org.project.id)
    assert "owners:read" not in maintainer.scopes
    answer = await bench.client.get(f"/v1/files/{scan_id}/content", headers=maintainer.headers)
    assert answer.status_code == 404


@pytest.mark.rule("OWN-07", "OWN-15")
async def test_a_disclosure_is_not_given_again_in_clear(bench: Bench) -> None:
    """OWN-07: the same key shows the clear value again for 48 hours, off the record and outside the quota."""
    org = await make_org(bench.session, now=bench.now)
    owner = await make_owner(bench.session, bench.state.keyring, units=[org.units[0]])
    one = await bench.people.staff("complaint_supervisor")
    headers = {**one.headers, "Idempotency-Key": "one"}
    shown = []
    for _ in range(2):
        body = {"field": "mobile", "purpose": "约定上门时间"}
        answer = await bench.client.post(f"/v1/owners/{owner.id}/disclosures", json=body, headers=headers)
        shown.append(answer.json()["value"])
    assert shown == ["+8613812341234", None]


@pytest.mark.parametrize("title", ["\u200b", "\ufeff", "a\x1b[2Jb", "a\u202eb", "a\nb", "a\uffffb"])
async def test_a_line_is_one_line_of_visible_text(bench: Bench, title: str) -> None:
    """Not what nobody sees, turns the text around, or commands a terminal."""
    org = await make_org(bench.session, now=bench.now)
    clerk = await bench.people.staff("records_clerk")
    body = {
        "unit_id": str(org.units[0].id),
        "category": "repair",
        "channel": "hotline",
        "description": "d",
        "caller_name": "c",
    }
    answer = await bench.post("/v1/tickets", clerk, body | {"title": title})
    assert answer.status_code == 422


@pytest.mark.rule("OWN-07")
async def test_an_ownership_that_is_read_leaves_a_look(bench: Bench) -> None:
    org = await make_org(bench.session, now=bench.now)
    owner = await make_owner(bench.session, bench.state.keyring, units=[org.units[0]])
    one = await bench.people.staff("customer_service_manager")
    ownership_id = await bench.session.scalar(select(Ownership.id).where(Ownership.owner_id == owner.id))
    answer = await bench.client.get(f"/v1/ownerships/{ownership_id}", headers=one.headers)
    assert answer.json()["owner"]["name"] == "王秀英"
    looks = (await bench.session.execute(select(OwnerLook.actor_id, OwnerLook.look))).all()
    assert [tuple(row) for row in looks] == [(one.id, "record")]
