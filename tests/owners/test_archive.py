"""The owner's record: opening it, masks everywhere, nothing in clear in the database, numbers, plain fields."""

from datetime import date
from typing import Any
from uuid import UUID

import httpx
import pytest
from sqlalchemy import func, select, text
from sqlalchemy.ext.asyncio import AsyncSession
from tests.conftest import FakeClock, QueryRecorder
from tests.factories.org import Org, make_org
from tests.factories.owners import add_phone, make_owner
from tests.factories.people import Actor, Desk

from ownercare_api.core.http.state import AppState
from ownercare_api.owners import sealing, views
from ownercare_api.owners.models import Owner, OwnerPhone, Ownership
from ownercare_api.timeline.models import Event

DOCUMENT = "330106198503078528"
PHONE, LANDLINE = "13812341234", "0571-87654321"
ADDRESS = "临澜市滨江区江晖路 12 号 2 幢 501 室"


def body_of(org: Org, **changes: Any) -> dict[str, Any]:
    return {
        "name": "王秀英",
        "document": {"kind": "resident_id", "number": DOCUMENT},
        "home_address": ADDRESS,
        "occupation": "教师",
        "preferences": "家中有幼儿",
        "phones": [{"number": "１３８ 1234 1234", "label": "本人"}, {"number": LANDLINE}],
        "homes": [
            {
                "unit_id": str(org.units[0].id),
                "share_bp": 5000,
                "from_date": "2025-06-30",
                "contract_number": "HT-2024-0317",
                "contract_signed_on": "2024-03-17",
                "payment_method": "mortgage",
                "price_fen": 268_000_000,
            }
        ],
        **changes,
    }


@pytest.fixture
async def org(session: AsyncSession, clock: FakeClock) -> Org:
    return await make_org(session, now=clock())


@pytest.fixture
async def seller(people: Desk, org: Org) -> Actor:
    return await people.staff("sales_consultant", project_id=org.project.id)


async def counts(session: AsyncSession) -> tuple[int, ...]:
    tables = (Event, Owner, OwnerPhone, Ownership)
    return tuple([int((await session.execute(select(func.count()).select_from(one))).scalar_one()) for one in tables])


async def everything(session: AsyncSession) -> str:
    """Every text, JSON and bytes value of the database, as text."""
    columns = await session.execute(
        text(
            "SELECT table_name, column_name, data_type FROM information_schema.columns WHERE table_schema = 'public'"
            " AND data_type IN ('text', 'character varying', 'bytea', 'jsonb', 'ARRAY')"
        )
    )
    found = []
    for table, column, kind in columns.all():
        shown = f"encode(\"{column}\", 'escape')" if kind == "bytea" else f'"{column}"::text'
        found += list((await session.execute(text(f'SELECT {shown} FROM "{table}"'))).scalars())
    return "\n".join(one for one in found if one)


@pytest.mark.rule("OWN-01")
@pytest.mark.rule("OWN-13")
async def test_a_record_is_opened_with_what_the_purchase_form_asks(
    client: httpx.AsyncClient, org: Org, seller: Actor
) -> None:
    made = await client.post("/v1/owners", json=body_of(org), headers=seller.headers)
    assert made.status_code == 201, made.text
    body = made.json()
    assert made.headers["cache-control"] == "no-store"
    assert (body["sex"], body["birth_date"]) == ("female", "1985-03-07")
    assert body["document_masked"] == "3****************8"
    assert body["phone_masked"] == "138****1234"
    assert [(one["number_masked"], one["is_primary"], one["label"]) for one in body["phones"]] == [
        ("138****1234", True, "本人"),
        ("0571-****4321", False, None),
    ]
    assert body["home_address_recorded"] is True
    (home,) = body["homes"]
    assert (home["address"], home["share_bp"], home["to_date"]) == ("云栖雅苑 3栋 1单元 1203室", 5000, None)
    read = await client.get(made.headers["location"], headers=seller.headers)
    assert read.json() == body
    assert read.headers["etag"].startswith('"1.')
    ownership = await client.get(f"/v1/ownerships/{home['ownership_id']}", headers=seller.headers)
    assert ownership.json()["contract_number"] == "HT-2024-0317"
    assert ownership.json()["price_fen"] == 268_000_000


@pytest.mark.rule("OWN-15")
@pytest.mark.rule("OWN-07")
async def test_no_number_and_no_home_address_lies_in_the_database_in_clear(
    client: httpx.AsyncClient, session: AsyncSession, people: Desk, org: Org, seller: Actor, state: AppState
) -> None:
    clerk = await people.staff("complaint_supervisor", project_id=org.project.id)
    answers = []
    made = await client.post("/v1/owners", json=body_of(org), headers=seller.headers | {"Idempotency-Key": "k1"})
    answers.append(made)
    owner = made.json()["id"]
    replay = await client.post("/v1/owners", json=body_of(org), headers=seller.headers | {"Idempotency-Key": "k1"})
    assert replay.headers["idempotency-replayed"] == "true"
    answers.append(await client.post("/v1/owner-searches", json={"phone": PHONE}, headers=seller.headers))
    answers.append(await client.post("/v1/owner-searches", json={"document_number": DOCUMENT}, headers=seller.headers))
    answers.append(await client.post("/v1/call-center/caller-lookups", json={"phone": PHONE}, headers=clerk.headers))
    answers.append(await client.get("/v1/owners", headers=seller.headers))
    answers.append(await client.get(f"/v1/owners/{owner}", headers=seller.headers))
    clear = await client.post(
        f"/v1/owners/{owner}/disclosures",
        json={"field": "document_number", "purpose": "核对合同"},
        headers=clerk.headers | {"Idempotency-Key": "k2"},
    )
    assert clear.json()["value"] == DOCUMENT
    answers.append(await client.get(f"/v1/owners/{owner}/disclosures", headers=seller.headers))
    secrets = (DOCUMENT, PHONE, "+86" + PHONE, "87654321", "江晖路")
    for answer in answers:
        assert answer.status_code in (200, 201), answer.text
        assert not [one for one in secrets if one in answer.text]
    stored = await everything(session)
    assert "王秀英" in stored  # the scan sees what is there
    assert "138****1234" in stored
    assert not [one for one in secrets if one in stored]
    # What is stored decrypts with the ring only for its own column.
    phone = await session.scalar(select(OwnerPhone).where(OwnerPhone.is_primary))
    assert phone is not None
    assert state.keyring.decrypt(phone.number_encrypted, column=sealing.PHONE) == "+86" + PHONE


async def test_refused_records_leave_nothing_and_echo_nothing(
    client: httpx.AsyncClient, session: AsyncSession, org: Org, seller: Actor, people: Desk
) -> None:
    before = await counts(session)
    wrongs: list[tuple[dict[str, Any], str, str]] = [
        ({"document": {"kind": "resident_id", "number": DOCUMENT[:-1] + "9"}}, "#/document/number", "invalid_document"),
        ({"phones": [{"number": "1234567"}]}, "#/phones/0/number", "invalid_phone"),
        ({"phones": [{"number": PHONE}, {"number": "+86 138 1234 1234"}]}, "#", "repeated"),
        ({"phones": []}, "#/phones", "too_short"),
        ({"sex": "male"}, "#/sex", "document_mismatch"),
        ({"birth_date": "1985-03-08"}, "#/birth_date", "document_mismatch"),
        ({"homes": []}, "#/homes", "home_missing"),
        ({"vip": True}, "#", "extra_forbidden"),
    ]
    for change, pointer, code in wrongs:
        refused = await client.post("/v1/owners", json=body_of(org, **change), headers=seller.headers)
        assert refused.status_code == 422, change
        assert [(one["pointer"], one["code"]) for one in refused.json()["errors"]] == [(pointer, code)]
        assert DOCUMENT[:-1] not in refused.text
        assert "1234567" not in refused.text
    assert await counts(session) == before


async def test_company_wide_staff_may_open_a_record_without_a_home(
    client: httpx.AsyncClient, people: Desk, org: Org
) -> None:
    manager = await people.staff("customer_service_manager")
    made = await client.post("/v1/owners", json=body_of(org, homes=[]), headers=manager.headers)
    assert (made.status_code, made.json()["homes"]) == (201, [])


@pytest.mark.rule("OWN-12")
async def test_one_document_has_one_record(
    client: httpx.AsyncClient, session: AsyncSession, org: Org, seller: Actor, people: Desk, clock: FakeClock
) -> None:
    first = await client.post("/v1/owners", json=body_of(org), headers=seller.headers)
    sibling = await make_org(session, now=clock(), name="滨江壹号", region=org.region)
    other = await people.staff("sales_consultant", project_id=sibling.project.id)
    before = await counts(session)
    again = await client.post("/v1/owners", json=body_of(org, name="王秀瑛"), headers=seller.headers)
    assert (again.status_code, again.json()["code"]) == (409, "owner_exists")
    assert again.headers["location"] == f"/v1/owners/{first.json()['id']}"
    blind = await client.post("/v1/owners", json=body_of(sibling), headers=other.headers)
    assert (blind.status_code, blind.json()["code"]) == (409, "owner_exists")
    assert "location" not in blind.headers
    assert await counts(session) == before


@pytest.mark.rule("OWN-05")
async def test_only_plain_fields_are_patched(
    client: httpx.AsyncClient, session: AsyncSession, org: Org, seller: Actor, state: AppState
) -> None:
    owner = await make_owner(session, state.keyring, units=[org.units[0]])
    path = f"/v1/owners/{owner.id}"
    read = await client.get(path, headers=seller.headers)
    tag = {"If-Match": read.headers["etag"]}
    changed = await client.patch(path, json={"occupation": "退休", "preferences": None}, headers=seller.headers | tag)
    assert changed.status_code == 200, changed.text
    assert (changed.json()["occupation"], changed.json()["version"]) == ("退休", 2)
    before = await counts(session)
    for identity in ("name", "document", "sex", "birth_date", "home_address"):
        refused = await client.patch(path, json={identity: "x"}, headers=seller.headers | {"If-Match": "*"})
        assert refused.status_code == 422, identity
    assert (await client.patch(path, json={"occupation": "x"}, headers=seller.headers | tag)).status_code == 412
    assert (await client.patch(path, json={"occupation": "x"}, headers=seller.headers)).status_code == 428
    assert await counts(session) == before
    assert (await session.get_one(Owner, owner.id, populate_existing=True)).occupation == "退休"


async def test_numbers_are_added_and_removed_but_never_the_primary_one(
    client: httpx.AsyncClient, session: AsyncSession, org: Org, seller: Actor, state: AppState
) -> None:
    owner = await make_owner(session, state.keyring, units=[org.units[0]])
    path = f"/v1/owners/{owner.id}/phones"
    added = await client.post(path, json={"number": "+852 9123 4567", "label": "配偶"}, headers=seller.headers)
    assert added.status_code == 201, added.text
    assert [one["number_masked"] for one in added.json()["phones"]] == ["138****1234", "+852 ****4567"]
    primary = await client.post(path, json={"number": "13900001111", "is_primary": True}, headers=seller.headers)
    assert [(one["number_masked"], one["is_primary"]) for one in primary.json()["phones"]] == [
        ("139****1111", True),
        ("138****1234", False),
        ("+852 ****4567", False),
    ]
    assert primary.json()["version"] == 3
    before = await counts(session)
    known = await client.post(path, json={"number": "0086 138 1234 1234"}, headers=seller.headers)
    assert (known.status_code, known.json()["code"]) == (409, "phone_known")
    stays = await client.delete(f"{path}/{primary.json()['phones'][0]['id']}", headers=seller.headers)
    assert (stays.status_code, stays.json()["code"]) == (409, "primary_phone")
    stranger = await make_owner(session, state.keyring, name="李四", phone="13700001111")
    foreign = await add_phone(session, state.keyring, owner=stranger, phone="13700002222")
    before = await counts(session)
    missing = await client.delete(f"{path}/{foreign.id}", headers=seller.headers)
    assert (missing.status_code, missing.json()["code"]) == (404, "phone_not_found")
    assert await counts(session) == before
    gone = await client.delete(f"{path}/{primary.json()['phones'][1]['id']}", headers=seller.headers)
    assert gone.status_code == 204
    left = (await client.get(f"/v1/owners/{owner.id}", headers=seller.headers)).json()["phones"]
    assert [one["number_masked"] for one in left] == ["139****1111", "+852 ****4567"]
    kinds = list(await session.scalars(select(Event.kind).where(Event.subject_id == owner.id).order_by(Event.seq)))
    assert kinds == ["owner.phone_added", "owner.phone_added", "owner.phone_removed"]


async def test_a_record_is_read_in_four_statements_and_a_list_in_three(  # each with the look on record
    client: httpx.AsyncClient, session: AsyncSession, org: Org, seller: Actor, state: AppState, queries: QueryRecorder
) -> None:
    owner = await make_owner(session, state.keyring, units=org.units)
    await make_owner(session, state.keyring, name="李四", units=[org.units[0]], from_date=org.units[0].delivered_on)  # type: ignore[arg-type]
    await client.get("/v1/me", headers=seller.headers)
    with queries:
        read = await client.get(f"/v1/owners/{owner.id}", headers=seller.headers)
    assert queries.count == 4
    assert len(read.json()["homes"]) == 2
    for path in ("/v1/owners", "/v1/owners?sort=name", "/v1/owners?q=wang", f"/v1/owners?unit_id={org.units[0].id}"):
        with queries:
            listed = await client.get(path, headers=seller.headers)
        assert queries.count == 3, path
        assert listed.status_code == 200
    assert UUID(listed.json()["items"][-1]["id"]) == owner.id


@pytest.mark.rule("OWN-02")
@pytest.mark.rule("OWN-03")
@pytest.mark.rule("CHN-15")
async def test_needs_and_preferences_are_kept_and_patched(
    client: httpx.AsyncClient, session: AsyncSession, org: Org, seller: Actor, clock: FakeClock
) -> None:
    need = {
        "home_type": "高层住宅",
        "area_min_cm2": 900_000,
        "area_max_cm2": 1_300_000,
        "budget_max_fen": 300_000_000,
        "floors": "8 层以上",
        "layout": "三室两厅",
        "living_needs": "与父母同住",
    }
    more = {
        "special_needs": "听力不便",
        "preferred_channel": "sms",
        "preferred_times": "18:00 以后",
        "language": "粤语",
    }
    made = await client.post("/v1/owners", json=body_of(org, purchase_need=need, **more), headers=seller.headers)
    assert made.status_code == 201, made.text
    body = made.json()
    assert {name: body[name] for name in more} == more
    assert body["purchase_need"] == need | {"budget_min_fen": None}
    assert (body["birth_date"], body["age"]) == ("1985-03-07", 41)
    path, tag = made.headers["location"], {"If-Match": made.headers["etag"]}
    changed = await client.patch(
        path, json={"preferred_channel": "phone", "purchase_need": None}, headers=seller.headers | tag
    )
    assert (changed.status_code, changed.json()["preferred_channel"], changed.json()["purchase_need"]) == (
        200,
        "phone",
        None,
    )
    before = await counts(session)
    for wrong in (
        {"purchase_need": {"area_min_cm2": 2, "area_max_cm2": 1}},
        {"purchase_need": {"colour": "red"}},
        {"preferred_channel": "pigeon"},
        {"checked_on": "2026-01-01"},
        {"merged_into": path.rpartition("/")[2]},
    ):
        refused = await client.patch(path, json=wrong, headers=seller.headers | {"If-Match": "*"})
        assert refused.status_code == 422, wrong
    assert await counts(session) == before


@pytest.mark.parametrize(
    ("born", "today", "years"),
    [
        (date(1985, 3, 7), date(2026, 3, 6), 40),
        (date(1985, 3, 7), date(2026, 3, 7), 41),
        (date(2000, 2, 29), date(2026, 2, 28), 25),
        (date(2000, 2, 29), date(2026, 3, 1), 26),
        (date(2026, 11, 20), date(2026, 11, 20), 0),
    ],
)
def test_age_is_whole_years(born: date, today: date, years: int) -> None:
    assert views.age(born, today=today) == years
