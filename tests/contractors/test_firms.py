"""Partner firms and construction contracts: checks, uniqueness, service areas, who sees what."""

from datetime import date
from typing import Any

import httpx
import pytest
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession
from tests.conftest import FakeClock, QueryRecorder
from tests.factories.contractors import make_contractor, make_firm, make_property_company
from tests.factories.org import Org, make_org
from tests.factories.people import Actor, Desk

from ownercare_api.contractors import service
from ownercare_api.contractors.models import ConstructionContract, Firm, FirmKind, FirmProject
from ownercare_api.properties.parts import BuildingPart
from ownercare_api.timeline.models import Event

FIRM = {
    "kind": "contractor",
    "name": "临澜固盾防水工程有限公司",
    "uscc": "91990000ma1k2abc3b ",
    "contact_name": "赵建国",
    "contact_phone": "０５７１－12345678",
}


@pytest.fixture
async def org(session: AsyncSession, clock: FakeClock) -> Org:
    return await make_org(session, now=clock())


@pytest.fixture
async def admin(people: Desk) -> Actor:
    return await people.staff("system_administrator")


async def counts(session: AsyncSession) -> tuple[int, ...]:
    tables = (Event, Firm, FirmProject, ConstructionContract)
    return tuple([int((await session.execute(select(func.count()).select_from(one))).scalar_one()) for one in tables])


async def items(client: httpx.AsyncClient, actor: Actor, path: str, **query: Any) -> list[dict[str, Any]]:
    answer = await client.get(path, params=query, headers=actor.headers)
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()["items"]
    return found


async def test_a_firm_is_entered_with_checked_code_and_number(
    client: httpx.AsyncClient, session: AsyncSession, admin: Actor
) -> None:
    made = await client.post("/v1/firms", json=FIRM, headers=admin.headers)
    assert made.status_code == 201, made.text
    assert made.json()["uscc"] == "91990000MA1K2ABC3B"
    assert made.json()["contact_phone_masked"] == "0571-****5678"
    assert made.json()["bank_account_masked"] is None
    assert made.json()["project_ids"] == []
    assert (await client.get(made.headers["location"], headers=admin.headers)).json() == made.json()
    before = await counts(session)
    for wrong, code in (
        ({"uscc": "91990000MA1K2ABC3C"}, "invalid_uscc"),
        ({"uscc": "91990000MA1K2ABC3"}, "string_too_short"),
        ({"contact_phone": "12345678"}, "invalid_phone"),
        ({"kind": "bank"}, "enum"),
    ):
        refused = await client.post("/v1/firms", json=FIRM | wrong, headers=admin.headers)
        assert refused.status_code == 422, wrong
        assert [one["code"] for one in refused.json()["errors"]] == [code]
        assert "12345678" not in refused.text
        assert "91990000" not in refused.text
    for same in ({"name": "别的名字"}, {"uscc": "91110000600037341L"}):
        twice = await client.post("/v1/firms", json=FIRM | same, headers=admin.headers)
        assert (twice.status_code, twice.json()["code"]) == (409, "partner_name_taken")
    assert await counts(session) == before


async def test_users_of_a_firm_see_their_own_only_and_staff_all(
    client: httpx.AsyncClient, session: AsyncSession, people: Desk, org: Org
) -> None:
    builder = await make_contractor(session, org)
    other = await make_contractor(session, org)
    company = await make_property_company(session, org, people)
    user = await people.firm_user("contractor_representative", firm_id=builder.firm.id)
    clerk = await people.staff("records_clerk", project_id=org.project.id)
    assert [one["id"] for one in await items(client, user, "/v1/firms")] == [str(builder.firm.id)]
    assert [one["id"] for one in await items(client, user, "/v1/construction-contracts")] == [str(builder.contract.id)]
    for path in (f"/v1/firms/{other.firm.id}", f"/v1/construction-contracts/{other.contract.id}"):
        assert (await client.get(path, headers=user.headers)).status_code == 404
    assert await items(client, user, "/v1/repair-teams") == []
    assert len(await items(client, clerk, "/v1/firms")) == 3
    assert [one["id"] for one in await items(client, clerk, "/v1/firms", kind="property_company")] == [
        str(company.firm.id)
    ]
    assert len(await items(client, clerk, "/v1/firms", q="防水工程")) == 2
    assert await items(client, clerk, "/v1/firms", active=False) == []


async def test_a_firm_changes_with_its_etag_and_only_company_wide(
    client: httpx.AsyncClient, session: AsyncSession, people: Desk, org: Org, admin: Actor
) -> None:
    firm = await make_firm(session, kind=FirmKind.CONTRACTOR)
    path = f"/v1/firms/{firm.id}"
    read = await client.get(path, headers=admin.headers)
    tag = {"If-Match": read.headers["etag"]}
    changed = await client.patch(path, json={"active": False, "contact_name": "孙丽"}, headers=admin.headers | tag)
    assert changed.status_code == 200, changed.text
    assert (changed.json()["active"], changed.json()["contact_name"], changed.json()["version"]) == (False, "孙丽", 2)
    before = await counts(session)
    assert (await client.patch(path, json={"active": True}, headers=admin.headers | tag)).status_code == 412
    local = await people.staff("engineering_material_engineer", project_id=org.project.id)
    fresh = {"If-Match": changed.headers["etag"]}
    refused = await client.patch(path, json={"active": True}, headers=local.headers | fresh)
    assert (refused.status_code, refused.json()["code"]) == (403, "out_of_reach")
    assert (await client.post("/v1/firms", json=FIRM, headers=local.headers)).status_code == 403
    assert await counts(session) == before
    assert (await session.get_one(Firm, firm.id, populate_existing=True)).version == 2


@pytest.mark.rule("ORG-23")
async def test_a_property_company_keeps_a_project_that_its_team_serves(
    client: httpx.AsyncClient, session: AsyncSession, people: Desk, org: Org, admin: Actor, clock: FakeClock
) -> None:
    company = await make_property_company(session, org, people)
    other = await make_org(session, now=clock(), name="滨江壹号", region=org.region)
    path = f"/v1/firms/{company.firm.id}/projects"
    wanted = sorted([str(org.project.id), str(other.project.id)])
    tag = {"If-Match": '"1.x"'}
    both = await client.put(path, json={"project_ids": wanted}, headers=admin.headers | tag)
    assert both.status_code == 200, both.text
    assert both.json()["project_ids"] == wanted
    fresh = {"If-Match": both.headers["etag"]}
    before = await counts(session)
    lost = await client.put(path, json={"project_ids": [str(other.project.id)]}, headers=admin.headers | fresh)
    assert (lost.status_code, lost.json()["code"]) == (409, "project_still_served")
    twice = await client.put(path, json={"project_ids": wanted[:1] * 2}, headers=admin.headers | fresh)
    assert (twice.status_code, twice.json()["errors"][0]["code"]) == (422, "repeated")
    unknown = await client.put(path, json={"project_ids": [str(company.firm.id)]}, headers=admin.headers | fresh)
    assert (unknown.status_code, unknown.json()["code"]) == (404, "project_not_found")
    builder = await make_contractor(session, org)
    wrong = await client.put(
        f"/v1/firms/{builder.firm.id}/projects", json={"project_ids": []}, headers=admin.headers | tag
    )
    assert (wrong.status_code, wrong.json()["code"]) == (422, "wrong_firm_kind")
    assert (await counts(session))[0] == before[0]
    fewer = await client.put(path, json={"project_ids": [str(org.project.id)]}, headers=admin.headers | fresh)
    assert fewer.json()["project_ids"] == [str(org.project.id)]


@pytest.mark.rule("REP-08")
@pytest.mark.rule("FIN-11")
async def test_a_contract_is_entered_with_its_warranty_terms(
    client: httpx.AsyncClient, session: AsyncSession, people: Desk, org: Org, queries: QueryRecorder
) -> None:
    engineer = await people.staff("engineering_material_engineer", project_id=org.project.id)
    firm = await make_firm(session, kind=FirmKind.CONTRACTOR)
    body: dict[str, Any] = {
        "firm_id": str(firm.id),
        "project_id": str(org.project.id),
        "number": "SG-2024-017",
        "title": "云栖雅苑防水工程施工合同",
        "amount_fen": 386_000_000,
        "retention_bp": 300,
        "accepted_on": "2026-11-20",
        "has_repair_agreement": True,
        "warranty_terms": [
            {"building_part": "wet_room_waterproofing", "months": 60},
            {"building_part": "roof_waterproofing", "months": 61},
        ],
    }
    made = await client.post("/v1/construction-contracts", json=body, headers=engineer.headers)
    assert made.status_code == 201, made.text
    assert made.json()["firm"] == {"id": str(firm.id), "name": firm.name}
    assert made.json()["warranty_terms"] == [
        {"building_part": "roof_waterproofing", "months": 61},
        {"building_part": "wet_room_waterproofing", "months": 60},
    ]
    with queries:
        listed = await items(client, engineer, "/v1/construction-contracts", building_part="roof_waterproofing")
    assert queries.count == 1
    assert listed == [made.json()]
    assert await items(client, engineer, "/v1/construction-contracts", building_part="plumbing") == []
    company = await make_property_company(session, org, people)
    idle = await make_firm(session, kind=FirmKind.CONTRACTOR)
    idle.active = False
    await session.flush()
    before = await counts(session)
    twice = [{"building_part": "plumbing", "months": 1}] * 2
    for wrong, status, code in (
        ({}, 409, "partner_name_taken"),
        ({"number": "2", "accepted_on": "2026-11-21"}, 422, "not_accepted_yet"),
        ({"number": "2", "retention_bp": 301}, 422, "validation_failed"),
        ({"number": "2", "warranty_terms": twice}, 422, "part_twice"),
        ({"number": "2", "warranty_terms": []}, 422, "validation_failed"),
        ({"number": "2", "firm_id": str(company.firm.id)}, 422, "wrong_firm_kind"),
        ({"number": "2", "firm_id": str(idle.id)}, 409, "firm_inactive"),
        ({"number": "2", "firm_id": str(org.project.id)}, 404, "firm_not_found"),
        ({"number": "2", "project_id": str(firm.id)}, 404, "project_not_found"),
        ({"number": "2", "amount_fen": 0.5}, 422, "validation_failed"),
    ):
        refused = await client.post("/v1/construction-contracts", json=body | wrong, headers=engineer.headers)
        assert (refused.status_code, refused.json()["code"]) == (status, code), wrong
    assert await counts(session) == before


@pytest.mark.rule("FIN-11")
async def test_retention_keeps_to_the_policy_s_limit(
    client: httpx.AsyncClient, session: AsyncSession, people: Desk, clock: FakeClock
) -> None:
    org = await make_org(session, now=clock(), values={"retention.max_percent": 2.5})
    engineer = await people.staff("engineering_material_engineer")
    firm = await make_firm(session, kind=FirmKind.CONTRACTOR)
    body = {
        "firm_id": str(firm.id),
        "project_id": str(org.project.id),
        "number": "SG-1",
        "title": "施工合同",
        "amount_fen": 1,
        "retention_bp": 251,
        "accepted_on": "2025-01-01",
        "has_repair_agreement": False,
        "warranty_terms": [{"building_part": "plumbing", "months": 24}],
    }
    before = await counts(session)
    high = await client.post("/v1/construction-contracts", json=body, headers=engineer.headers)
    assert (high.status_code, high.json()["code"]) == (422, "retention_too_high")
    assert await counts(session) == before
    exact = await client.post("/v1/construction-contracts", json=body | {"retention_bp": 250}, headers=engineer.headers)
    assert exact.status_code == 201


async def test_contracts_of_a_sibling_project_are_out_of_sight(
    client: httpx.AsyncClient, session: AsyncSession, people: Desk, org: Org, clock: FakeClock
) -> None:
    sibling = await make_org(session, now=clock(), name="滨江壹号", region=org.region)
    hidden = await make_contractor(session, sibling)
    clerk = await people.staff("records_clerk", project_id=org.project.id)
    assert await items(client, clerk, "/v1/construction-contracts") == []
    answer = await client.get(f"/v1/construction-contracts/{hidden.contract.id}", headers=clerk.headers)
    assert (answer.status_code, answer.json()["code"]) == (404, "contract_not_found")
    engineer = await people.staff("engineering_material_engineer", project_id=org.project.id)
    before = await counts(session)
    body = {
        "firm_id": str(hidden.firm.id),
        "project_id": str(sibling.project.id),
        "number": "SG-9",
        "title": "施工合同",
        "amount_fen": 1,
        "retention_bp": 0,
        "accepted_on": "2025-01-01",
        "has_repair_agreement": False,
        "warranty_terms": [{"building_part": "plumbing", "months": 24}],
    }
    refused = await client.post("/v1/construction-contracts", json=body, headers=engineer.headers)
    assert (refused.status_code, refused.json()["code"]) == (404, "project_not_found")
    assert await counts(session) == before


@pytest.mark.rule("REP-08")
async def test_the_contract_for_a_part_is_the_one_accepted_last(session: AsyncSession, org: Org) -> None:
    part = BuildingPart.PLUMBING
    assert await service.contract_for(session, project_id=org.project.id, building_part=part) is None
    late = await make_contractor(session, org, parts={part: 30}, accepted_on=date(2025, 6, 1))
    await make_contractor(session, org, parts={part: 24}, accepted_on=date(2025, 5, 31))
    await make_contractor(session, org, parts={BuildingPart.ELECTRICS: 12}, accepted_on=date(2026, 1, 1))
    found = await service.contract_for(session, project_id=org.project.id, building_part=part)
    assert found is not None
    row, months = found
    assert (row.id, row.firm_id, row.firm_name, row.accepted_on) == (
        late.contract.id,
        late.firm.id,
        late.firm.name,
        date(2025, 6, 1),
    )
    assert months == 30
