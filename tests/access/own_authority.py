"""Ways to give oneself what one may not have."""

from uuid import UUID

from sqlalchemy import select, update
from tests.access.bench import Attempt, Bench, Way
from tests.factories.org import Org, make_org
from tests.factories.owners import make_owner
from tests.factories.people import Actor

from ownercare_api.exchange.lifecycle import ExportStatus
from ownercare_api.exchange.models import RosterExport
from ownercare_api.identity.models import RoleGrant


async def raises_own_limit(bench: Bench) -> Attempt:
    """The manager who approves up to a limit publishes a higher one."""
    await make_org(bench.session, now=bench.now)
    body = {
        "level": "group",
        "reason": "提高额度",
        "values": {"approval.department_manager_max_fen": 1_900_000},
    }
    manager = await bench.people.staff("customer_service_manager")
    boss = await bench.people.staff("general_manager")
    return Attempt(manager, boss, "/v1/policies", body, code="own_limit")


async def raises_own_look_quota(bench: Bench) -> Attempt:
    """Who looks at clear values publishes how many looks an hour are allowed."""
    await make_org(bench.session, now=bench.now)
    body = {"level": "group", "reason": "提高次数", "values": {"privacy.unmask_per_hour": 600}}
    manager = await bench.people.staff("customer_service_manager")
    boss = await bench.people.staff("general_manager")
    return Attempt(manager, boss, "/v1/policies", body, code="own_limit")


async def _owner(bench: Bench) -> tuple[Org, UUID]:
    org = await make_org(bench.session, now=bench.now)
    owner = await make_owner(bench.session, bench.state.keyring, units=[org.units[0]])
    return org, owner.id


async def _entered(bench: Bench, by: Actor) -> str:
    _, owner_id = await _owner(bench)
    body = {"owner_id": str(owner_id), "changes": {"home_address": "某路 1 号"}, "channel": "visit"}
    entered = await bench.done("/v1/owner-change-requests", by, body)
    return f"/v1/owner-change-requests/{entered['id']}/verification"


_CALLED = {"verification": "called_back", "note": "本人确认"}


async def verifies_own_change(bench: Bench) -> Attempt:
    """Who entered a change of an owner's record verifies it (OWN-05)."""
    clerk = await bench.people.staff("customer_relations_specialist")
    path = await _entered(bench, clerk)
    return Attempt(clerk, await bench.people.staff("customer_relations_specialist"), path, _CALLED, code="own_change")


async def lends_the_verification(bench: Bench) -> Attempt:
    """Who entered a change lends the verification to a friend."""
    clerk = await bench.people.staff("customer_relations_specialist")
    path = await _entered(bench, clerk)
    friend = await bench.people.staff("data_analyst")
    await bench.lend(clerk, friend)
    return Attempt(friend, await bench.people.staff("customer_relations_specialist"), path, _CALLED, code="own_change")


async def files_own_contract(bench: Bench) -> Attempt:
    """Who submitted a purchase contract for filing reviews and files it (OWN-13)."""
    org, owner_id = await _owner(bench)
    clerk = await bench.people.staff("customer_relations_specialist")
    body = {
        "unit_id": str(org.units[1].id),
        "from_date": "2025-06-30",
        "contract_number": "HT-1",
        "contract_signed_on": "2024-03-17",
        "payment_method": "mortgage",
        "price_fen": 268_000_000,
        "purchase_place": "售楼处",
    }
    bought = await bench.done(f"/v1/owners/{owner_id}/ownerships", clerk, body)
    path = f"/v1/ownerships/{bought['id']}"
    await bench.done(f"{path}/submission", clerk)
    other = await bench.people.staff("customer_relations_specialist")
    return Attempt(clerk, other, f"{path}/filing", {"note": "已备案"}, code="own_contract")


async def _export(bench: Bench, by: Actor) -> str:
    org, _ = await _owner(bench)
    body = {
        "kind": "owners",
        "format": "xlsx",
        "project_id": str(org.project.id),
        "columns": ["unit_address", "name"],
        "purpose": "回访抽样",
    }
    asked = await bench.done("/v1/exports", by, body)
    await bench.session.execute(update(RosterExport).values(status=ExportStatus.WAITING_FOR_APPROVAL))
    return f"/v1/exports/{asked['id']}/decision"


_DECIDED = {"decision": "approve", "reason": "用途正当"}


async def approves_own_export(bench: Bench) -> Attempt:
    """Who asked for an export above the cap approves it (OWN-07)."""
    manager = await bench.people.staff("customer_service_manager")
    path = await _export(bench, manager)
    return Attempt(manager, await bench.people.staff("general_manager"), path, _DECIDED, code="own_export")


async def borrows_the_export_approval(bench: Bench) -> Attempt:
    """The general manager lends the approval to who asked."""
    analyst = await bench.people.staff("data_analyst")
    path = await _export(bench, analyst)
    await bench.lend(await bench.people.staff("general_manager"), analyst)
    return Attempt(analyst, await bench.people.staff("general_manager"), path, _DECIDED, code="own_export")


async def _erasure(bench: Bench, by: Actor) -> str:
    _, owner_id = await _owner(bench)
    body = {
        "owner_id": str(owner_id),
        "kind": "restriction",
        "channel": "visit",
        "identity_check": "saw_document",
        "reason": "本人要求",
    }
    entered = await bench.done("/v1/privacy-requests", by, body)
    return f"/v1/privacy-requests/{entered['id']}/approval"


async def approves_own_restriction(bench: Bench) -> Attempt:
    """Who entered an owner's request approves it."""
    manager = await bench.people.staff("customer_service_manager")
    path = await _erasure(bench, manager)
    return Attempt(
        manager, await bench.people.staff("general_manager"), path, {"note": "同意"}, code="own_privacy_request"
    )


async def grants_own_role(bench: Bench) -> Attempt:
    """An administrator makes himself general manager."""
    admin = await bench.people.staff("system_administrator")
    other = await bench.people.staff("system_administrator")
    body = {"role": "general_manager", "level": "company", "reason": "兼任"}
    return Attempt(admin, other, f"/v1/people/{admin.id}/grants", body, code="own_account")


async def lends_on_what_was_lent(bench: Bench) -> Attempt:
    """A deputy lends the grant on, back towards the maker."""
    lender = await bench.people.staff("customer_service_manager")
    deputy, third = [await bench.people.staff("customer_relations_specialist") for _ in range(2)]
    await bench.lend(lender, deputy)
    grant = await bench.session.scalar(select(RoleGrant.id).where(RoleGrant.account_id == lender.id))
    body = {
        "grant_id": str(grant),
        "to_person_id": str(third.id),
        "ends_at": "2026-11-25T18:00:00+08:00",
        "reason": "转委托",
    }
    return Attempt(deputy, lender, "/v1/delegations", body, code="lent_on")


WAYS: tuple[Way, ...] = (
    raises_own_limit,
    raises_own_look_quota,
    verifies_own_change,
    lends_the_verification,
    files_own_contract,
    approves_own_export,
    borrows_the_export_approval,
    approves_own_restriction,
    grants_own_role,
    lends_on_what_was_lent,
)
