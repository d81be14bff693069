"""What stands around people and owners at each place: grants, machines, contacts, households, changes, requests, files.

Made through the application itself, each step by somebody who may; `made` fails loudly where a step is refused.
"""

from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import select, update
from tests.access.calling import Request, ask
from tests.access.cases_payments import TERMS
from tests.access.world import EXTRAS, LASTLY, Place, World
from tests.factories.files import JPEG
from tests.factories.people import Actor
from tests.factories.rosters import owner_row, workbook

from ownercare_api import wiring
from ownercare_api.core import jobs
from ownercare_api.core.ids import uuid7
from ownercare_api.exchange import jobs as exchange_jobs
from ownercare_api.exchange.lifecycle import ExportStatus
from ownercare_api.exchange.models import RosterExport
from ownercare_api.identity.models import AuthSession, RoleGrant
from ownercare_api.owners.models import Ownership
from ownercare_api.privacy import jobs as privacy_jobs

_CHANGES = (
    ("change", {"home_address": "临澜市江晖路 1 号"}),
    ("change_verified", {"sex": "female"}),
    ("change_applied", {"birth_date": "1980-01-01"}),
)
_STAFF = ("manager", "colleague", "third")


async def made(world: World, actor: Actor, path: str, body: Any = None, **more: Any) -> dict[str, Any]:
    """POST as somebody; the answer must be a success."""
    await world.session.flush()
    headers = actor.headers | {"Idempotency-Key": uuid7().hex, "If-Match": "*"}
    answer = await ask(world.app, Request(more.pop("method", "POST"), path, headers=headers, body=body, **more))
    assert answer.status < 300, f"{path}: {answer.body.decode()[:800]}"
    found: dict[str, Any] = answer.json
    return found


async def work(world: World) -> None:
    """Do every job that is due."""
    settings, keyring = world.state.settings, world.state.keyring
    handlers = {
        **exchange_jobs.handlers(wiring.exchange_desk(settings, keyring)),
        **privacy_jobs.handlers(wiring.privacy_parts(settings, keyring)),
    }
    await world.session.flush()
    while await jobs.run_next(world.state.database, handlers=handlers, now=world.now):
        pass


async def _staff(world: World, place: Place) -> dict[str, Actor]:
    here = place.org.project.id
    for name in _STAFF:
        place.people[name] = await world.people.staff("customer_service_manager", project_id=here)
    owner = place.people["owner_login"] = await world.people.owner(place.things["owner"])
    login = update(AuthSession).where(AuthSession.account_id == owner.id)
    await world.session.execute(login.values(created_at=world.now))  # what is most personal needs a fresh login
    return place.people


async def administration(world: World, place: Place) -> None:
    """A person with a grant, a login and a delegation; a machine with a secret."""
    people, things = await _staff(world, place), place.things
    session = world.session
    subject = people["third"]
    things["person"] = subject.id
    grant = await session.scalar(select(RoleGrant.id).where(RoleGrant.account_id == subject.id))
    login = await session.scalar(select(AuthSession.id).where(AuthSession.account_id == subject.id))
    assert grant is not None
    assert login is not None
    things |= {"grant": grant, "login": login, "deputy": people["colleague"].id}
    lent = await session.scalar(select(RoleGrant.id).where(RoleGrant.account_id == people["manager"].id))
    body = {
        "grant_id": str(lent),
        "to_person_id": str(people["colleague"].id),
        "ends_at": "2026-11-30T18:00:00+08:00",
        "reason": "年休假",
    }
    things["delegation"] = UUID((await made(world, people["manager"], "/v1/delegations", body))["id"])
    disabled = await world.people.staff("records_clerk", project_id=place.org.project.id)
    things["person_disabled"] = disabled.id
    boss = await world.people.staff("system_administrator")
    await made(world, boss, f"/v1/people/{disabled.id}/disablement", {"reason": "left"})
    client = {
        "name": f"接入系统 {place.letter}",
        "scopes": ["work_orders:read"],
        "level": "project",
        "target_ids": [str(place.org.project.id)],
        "contact": "信息部",
    }
    things["client"] = UUID((await made(world, boss, "/v1/clients", client))["id"])
    secret = await made(world, boss, f"/v1/clients/{things['client']}/secrets", {"overlap_hours": 1})
    things["client_secret"] = UUID(secret["id"])
    gone = await made(world, boss, "/v1/clients", {**client, "name": f"旧系统 {place.letter}"})
    things["client_disabled"] = UUID(gone["id"])
    await made(world, boss, f"/v1/clients/{gone['id']}/disablement", {"reason": "unused"})


async def around_owners(world: World, place: Place) -> None:
    """Contacts, a household, a group, a tag, consents, changes, an audit, a twin."""
    people, things = place.people, place.things
    owner, clerk = f"/v1/owners/{things['owner']}", people["manager"]
    contact = {"name": "李建国", "number": "139 1234 5678", "relation": "spouse"}
    things["contact"] = UUID((await made(world, clerk, f"{owner}/contacts", contact))["id"])
    members = [{"owner_id": str(things["owner"]), "is_head": True}, {"name": "王小明", "relation": "儿子"}]
    body = {"name": "一家", "from_date": "2026-01-10", "members": members}
    household = await made(world, clerk, f"/v1/units/{things['unit']}/households", body)
    things |= {"household": UUID(household["id"]), "member": UUID(household["members"][1]["id"])}
    for name in ("group", "group_free"):
        group = {
            "code": f"{name}_{place.letter.lower()}",
            "name": f"分组 {name} {place.letter}",
            "purpose": "关怀",
            "project_id": str(place.org.project.id),
        }
        things[f"owner_{name}"] = UUID((await made(world, clerk, "/v1/owner-groups", group))["id"])
    await made(world, clerk, f"{owner}/groups", {"group_id": str(things["owner_group"]), "reason": "家访确认"})
    if "tag" not in world.shared:
        boss = await world.people.staff("customer_service_manager")
        for name in ("tag", "tag_free"):
            tag = await made(world, boss, "/v1/owner-tags", {"code": name, "name": f"标签 {name}"})
            world.shared[name] = UUID(tag["id"])
    await made(world, clerk, f"{owner}/tags", {"tag_id": str(world.shared["tag"])})
    consent = {"purpose": "marketing", "channel": "phone", "text_version": "2026-01"}
    await made(world, clerk, f"{owner}/consents", consent)
    for name, changes in _CHANGES:
        entered = {"owner_id": str(things["owner"]), "changes": changes, "channel": "visit"}
        things[name] = UUID((await made(world, clerk, "/v1/owner-change-requests", entered))["id"])
    verified = {"verification": "called_back", "note": "本人确认"}
    for name in ("change_verified", "change_applied"):
        path = f"/v1/owner-change-requests/{things[name]}/verification"
        await made(world, people["colleague"], path, verified)
    await made(world, people["third"], f"/v1/owner-change-requests/{things['change_applied']}/application")
    twin = {
        "name": "双胞胎",
        "phones": [{"number": f"1377777000{ord(place.letter) % 10}"}],
        "homes": [{"unit_id": str(things["unit_undelivered"]), "from_date": "2025-06-30"}],
    }
    audit = {"owner_id": str(things["owner"]), "checked_fields": ["name"], "method": "called_back"}
    await made(world, clerk, "/v1/information-audits", {**audit, "outcome": "accurate"})
    things["twin"] = UUID((await made(world, clerk, "/v1/owners", twin))["id"])


async def contracts(world: World, place: Place) -> None:
    """Homes bought under a contract that is not filed yet, or that was submitted for filing (OWN-13)."""
    clerk, things = place.people["manager"], place.things
    first = select(Ownership.id).where(Ownership.unit_id == things["unit"], Ownership.owner_id == things["owner"])
    found = await world.session.scalar(first)
    assert found is not None
    things["ownership_first"] = found
    for name, home in (("ownership_contract", 4), ("ownership_submitted", 5)):
        body = {
            "unit_id": str(place.org.units[home].id),
            "from_date": "2025-06-30",
            "share_bp": 10_000,
            "contract_number": f"HT-{place.letter}-{home}",
            "contract_signed_on": "2024-03-17",
            "payment_method": "mortgage",
            "price_fen": 268_000_000,
            "purchase_place": "售楼处",
        }
        made_one = await made(world, clerk, f"/v1/owners/{things['owner']}/ownerships", body)
        things[name] = UUID(made_one["id"])
    await made(world, clerk, f"/v1/ownerships/{things['ownership_submitted']}/submission")


async def requests_of_persons(world: World, place: Place) -> None:
    """Requests under the privacy law in the statuses that steps need."""
    manager, things = place.people["manager"], place.things
    body = {"owner_id": str(things["owner"]), "channel": "visit", "identity_check": "saw_document", "reason": "本人"}
    for kind in ("restriction", "objection", "correction"):
        found = await made(world, manager, "/v1/privacy-requests", {**body, "kind": kind})
        things[f"request_{kind}"] = UUID(found["id"])
    agreed = f"/v1/privacy-requests/{things['request_correction']}/approval"
    await made(world, place.people["colleague"], agreed, {"note": "同意"})
    held = {**body, "owner_id": str(things["twin"]), "kind": "restriction"}
    things["request_in_force"] = UUID((await made(world, manager, "/v1/privacy-requests", held))["id"])
    path = f"/v1/privacy-requests/{things['request_in_force']}/approval"
    await made(world, place.people["colleague"], path, {"note": "同意"})
    await work(world)


async def rosters(world: World, place: Place) -> None:
    """An import that was checked, one that has faults; an export that waits for nobody and is ready."""
    project = str(place.org.project.id)
    clerk = place.people["manager"]
    building, number = place.org.building.name, place.org.units[6].number
    good = owner_row(0, seed=ord(place.letter), building=building, unit_number=number)
    content = workbook([good])
    form = {"kind": "owners", "project_id": project, "file": ("名册.xlsx", content)}
    things = place.things
    things["import"] = UUID((await made(world, clerk, "/v1/imports", form=form))["id"])
    faulty = {**form, "file": ("错误名册.xlsx", workbook([{**good, "unit_number": "无此房"}]))}
    things["import_faulty"] = UUID((await made(world, clerk, "/v1/imports", form=faulty))["id"])
    place.people["exporter"] = clerk
    export = {
        "kind": "owners",
        "format": "xlsx",
        "project_id": project,
        "columns": ["unit_address", "name"],
        "purpose": "回访抽样",
    }
    things["export"] = UUID((await made(world, clerk, "/v1/exports", export))["id"])
    await work(world)
    waiting = await made(world, clerk, "/v1/exports", {**export, "purpose": "超限"})
    things["export_waiting"] = UUID(waiting["id"])
    status = update(RosterExport).where(RosterExport.id == things["export_waiting"])
    await world.session.execute(status.values(status=ExportStatus.WAITING_FOR_APPROVAL))


async def owners_own(world: World, place: Place) -> None:
    """What the owner has at the portal."""
    owner, things = place.people["owner_login"], place.things
    body = {"unit_id": str(things["unit"]), "category": "repair", "title": "漏水", "description": "卫生间漏水"}
    things["my_ticket"] = UUID((await made(world, owner, "/v1/my/tickets", body))["id"])
    form = {"purpose": "photo_site", "unit_id": str(things["unit"]), "file": ("照片.jpg", JPEG)}
    copy = await made(world, owner, "/v1/my/privacy-requests", {"kind": "copy"})
    things["request_copy"] = UUID(copy["id"])
    await work(world)
    changed = await made(
        world,
        owner,
        "/v1/my/change-requests",
        {"changes": {"primary_phone": "13912345678", "add_phones": [{"number": "13912345678"}]}},
    )
    things["my_change"] = UUID(changed["id"])
    answer = {
        "questionnaire_id": str(world.shared["questionnaire"]),
        "ticket_id": str(things["ticket_answered"]),
        "answers": [{"question": "repair_quality", "value": 5}],
    }
    things["my_response"] = UUID((await made(world, owner, "/v1/my/survey-responses", answer))["id"])
    things["my_file"] = UUID((await made(world, owner, "/v1/my/files", form=form))["id"])


async def payment_plans(world: World, place: Place) -> None:
    """A filed contract with a plan of payments: one instalment is open, of one some was received (OWN-13)."""
    manager, colleague, things = place.people["manager"], place.people["colleague"], place.things
    cashier = await world.people.staff("finance_officer", project_id=place.org.project.id)
    contract = await world.session.get_one(Ownership, things["ownership"])
    contract.contract_number, contract.contract_signed_on = f"HT-{place.letter}-1", date(2024, 3, 17)
    contract.payment_method, contract.price_fen = "mortgage", 268_000_000
    path = f"/v1/ownerships/{contract.id}"
    plan = await made(world, manager, f"{path}/payment-plan", TERMS, method="PUT")
    await made(world, manager, f"{path}/submission")
    await made(world, colleague, f"{path}/filing", {"note": "已备案"})
    things["unit_planned"] = contract.unit_id
    things["instalment"], things["instalment_paid"] = [UUID(one["id"]) for one in plan["instalments"]]
    money = {"amount_fen": 1_000, "received_on": "2026-11-20", "reference": f"POS-{place.letter}"}
    pay = f"/v1/contract-payments/{things['instalment_paid']}/payments"
    paid = await made(world, cashier, pay, money)
    things["instalment_payment"] = UUID(paid["payments"][0]["id"])


EXTRAS += [administration, around_owners, contracts, payment_plans, requests_of_persons, rosters, owners_own]


async def waiting(world: World) -> None:
    """What stays queued: nobody works any more."""
    for place in world.places.values():
        body = {
            "kind": "owners",
            "format": "xlsx",
            "project_id": str(place.org.project.id),
            "columns": ["unit_address", "name"],
            "purpose": "等待",
        }
        export = await made(world, place.people["exporter"], "/v1/exports", body)
        place.things["export_queued"] = UUID(export["id"])


LASTLY.append(waiting)
