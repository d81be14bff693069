"""Ways to approve, co-sign or accept what one has surveyed, estimated, edited or done oneself."""

from tests.access.bench import Attempt, Bench, Way, decisions
from tests.factories.cases import (
    Cast,
    Story,
    accepted_order,
    co_signed_survey,
    completed_order,
    make_cast,
    raised_order,
    recorded_survey,
)
from tests.factories.people import Actor

from ownercare_api.approvals.models import Tier
from ownercare_api.contractors.models import RepairTeam
from ownercare_api.identity.models import GrantLevel
from ownercare_api.properties.parts import Trade
from ownercare_api.workorders.lifecycle import PartyRole, SignatureSeat
from ownercare_api.workorders.models import WorkOrder

_YES = {"decision": "approved", "comment": "同意"}
_MIDDLE = Story.costing(1_000_000)
_TOP = Story.costing(3_000_000)


async def _cast(bench: Bench) -> Cast:
    return await make_cast(bench.session, bench.people, now=bench.now)


async def _double(bench: Bench, *roles: str) -> Actor:
    return await bench.people.staff(*roles)


async def _raised(bench: Bench, cast: Cast, story: Story | None = None) -> WorkOrder:
    return await raised_order(bench.session, cast, now=bench.now, story=story or Story())


async def raises_and_approves(bench: Bench) -> Attempt:
    """Whoever raised the order is a manager too."""
    cast = await _cast(bench)
    cast.specialist = await _double(bench, "customer_relations_specialist", "customer_service_manager")
    order = await _raised(bench, cast)
    return Attempt(cast.specialist, cast.deciders[Tier.DEPARTMENT_MANAGER], decisions(order.approval_id), _YES)


async def surveys_and_approves(bench: Bench) -> Attempt:
    """Whoever recorded the findings is a manager too; somebody else raised the order."""
    cast = await _cast(bench)
    surveyor = cast.specialist = await _double(bench, "customer_relations_specialist", "customer_service_manager")
    survey = await co_signed_survey(bench.session, cast, now=bench.now)
    cast.specialist = await bench.people.staff("customer_relations_specialist")
    order = await raised_order(bench.session, cast, now=bench.now, survey=survey)
    return Attempt(surveyor, cast.deciders[Tier.DEPARTMENT_MANAGER], decisions(order.approval_id), _YES)


async def edits_the_amount_and_approves(bench: Bench) -> Attempt:
    """The manager changes the estimate, which asks anew, and decides about the new request."""
    cast = await _cast(bench)
    order = await _raised(bench, cast)
    editor = await bench.people.staff("customer_service_manager")
    headers = {**editor.headers, "If-Match": "*"}
    changed = await bench.client.patch(f"/v1/work-orders/{order.id}", json={"estimate_fen": 150_000}, headers=headers)
    approval_id = changed.json()["approval"]["id"]
    return Attempt(editor, cast.deciders[Tier.DEPARTMENT_MANAGER], decisions(approval_id), _YES)


async def edits_the_words_and_approves(bench: Bench) -> Attempt:
    """The manager changes what the work is while the request is pending, and then decides about it."""
    cast = await _cast(bench)
    order = await _raised(bench, cast)
    editor = await bench.people.staff("customer_service_manager")
    headers = {**editor.headers, "If-Match": "*"}
    body = {"description": "连同阳台一并重做防水"}
    changed = await bench.client.patch(f"/v1/work-orders/{order.id}", json=body, headers=headers)
    assert changed.status_code == 200, changed.text
    return Attempt(editor, cast.deciders[Tier.DEPARTMENT_MANAGER], decisions(order.approval_id), _YES)


async def raised_before_somebody_else_edited(bench: Bench) -> Attempt:
    """The request of the raiser was superseded by a colleague's edit; the raiser decides about the new one."""
    cast = await _cast(bench)
    raiser = cast.specialist = await _double(bench, "customer_relations_specialist", "customer_service_manager")
    order = await _raised(bench, cast)
    colleague = await bench.people.staff("customer_relations_specialist")
    headers = {**colleague.headers, "If-Match": "*"}
    changed = await bench.client.patch(f"/v1/work-orders/{order.id}", json={"estimate_fen": 150_000}, headers=headers)
    approval_id = changed.json()["approval"]["id"]
    return Attempt(raiser, cast.deciders[Tier.DEPARTMENT_MANAGER], decisions(approval_id), _YES)


async def gets_a_second_role_afterwards(bench: Bench) -> Attempt:
    """The raiser is made general manager while the request waits."""
    cast = await _cast(bench)
    order = await _raised(bench, cast, _TOP)
    await bench.grant(cast.specialist, "general_manager")
    return Attempt(cast.specialist, cast.deciders[Tier.GENERAL_MANAGER], decisions(order.approval_id), _YES)


async def borrows_the_seat(bench: Bench) -> Attempt:
    """The manager lends the seat to the raiser."""
    cast = await _cast(bench)
    order = await _raised(bench, cast)
    lender = await bench.people.staff("customer_service_manager")
    await bench.lend(lender, cast.specialist)
    return Attempt(cast.specialist, cast.deciders[Tier.DEPARTMENT_MANAGER], decisions(order.approval_id), _YES)


async def lends_the_seat_to_a_friend(bench: Bench) -> Attempt:
    """The manager raised the order, and lends the seat to somebody who had no part in it."""
    cast = await _cast(bench)
    cast.specialist = await bench.people.staff("customer_service_manager")
    order = await _raised(bench, cast)
    friend = await bench.people.staff("data_analyst")
    await bench.lend(cast.specialist, friend)
    return Attempt(friend, cast.deciders[Tier.DEPARTMENT_MANAGER], decisions(order.approval_id), _YES)


async def sits_in_both_seats(bench: Bench) -> Attempt:
    """One person holds both roles of the middle tier."""
    cast = await _cast(bench)
    order = await _raised(bench, cast, _MIDDLE)
    both = await _double(bench, "deputy_chief_engineer", "deputy_general_manager")
    await bench.done(decisions(order.approval_id), both, _YES)
    right = cast.deciders[Tier.DEPUTY_GENERAL_MANAGER]
    return Attempt(both, right, decisions(order.approval_id), _YES, code="two_people")


async def borrows_the_second_seat(bench: Bench) -> Attempt:
    """Who reviewed borrows the seat that approves."""
    cast = await _cast(bench)
    order = await _raised(bench, cast, _MIDDLE)
    reviewer = cast.deciders[Tier.DEPUTY_CHIEF_ENGINEER]
    await bench.done(decisions(order.approval_id), reviewer, _YES)
    await bench.lend(await bench.people.staff("deputy_general_manager"), reviewer)
    right = cast.deciders[Tier.DEPUTY_GENERAL_MANAGER]
    return Attempt(reviewer, right, decisions(order.approval_id), _YES, code="two_people")


async def lends_the_second_seat(bench: Bench) -> Attempt:
    """Who reviewed holds the other seat too, and lends it to a colleague."""
    cast = await _cast(bench)
    order = await _raised(bench, cast, _MIDDLE)
    both = await _double(bench, "deputy_chief_engineer", "deputy_general_manager")
    await bench.done(decisions(order.approval_id), both, _YES)
    colleague = await bench.people.staff("data_analyst")
    await bench.lend(both, colleague)
    right = cast.deciders[Tier.DEPUTY_GENERAL_MANAGER]
    return Attempt(colleague, right, decisions(order.approval_id), _YES, code="two_people")


async def lends_the_first_seat(bench: Bench) -> Attempt:
    """A colleague reviews with the authority of the one who then approves."""
    cast = await _cast(bench)
    order = await _raised(bench, cast, _MIDDLE)
    both = await _double(bench, "deputy_chief_engineer", "deputy_general_manager")
    colleague = await bench.people.staff("data_analyst")
    await bench.lend(both, colleague)
    await bench.done(decisions(order.approval_id), colleague, _YES)
    return Attempt(both, cast.deciders[Tier.DEPUTY_GENERAL_MANAGER], decisions(order.approval_id), _YES)


async def splits_the_repair(bench: Bench) -> Attempt:
    """A repair of 3,000 yuan is split in two, so that each would be the manager's to approve (reading 7)."""
    cast = await _cast(bench)
    lines = (("重做防水", Trade.WATERPROOFING, 150_000), ("恢复地砖", Trade.TILING, 150_000))
    survey = await co_signed_survey(bench.session, cast, now=bench.now, story=Story(lines=lines))
    path, body = "/v1/work-orders", {"survey_id": str(survey.id), "description": "防水", "estimate_lines": [1]}
    await bench.done(path, cast.specialist, body)
    second = await bench.done(path, cast.specialist, {**body, "description": "地砖", "estimate_lines": [2]})
    manager, engineer = cast.deciders[Tier.DEPARTMENT_MANAGER], cast.deciders[Tier.DEPUTY_CHIEF_ENGINEER]
    return Attempt(manager, engineer, decisions(second["approval"]["id"]), _YES, code="wrong_tier")


async def sends_a_machine(bench: Bench) -> Attempt:
    """A machine client holds the scope of the seat."""
    cast = await _cast(bench)
    order = await _raised(bench, cast)
    machine = await bench.people.machine("approvals:read", "approvals:decide:department_manager")
    right = cast.deciders[Tier.DEPARTMENT_MANAGER]
    return Attempt(machine, right, decisions(order.approval_id), _YES, code="person_required")


async def signs_the_survey_for_two(bench: Bench) -> Attempt:
    """One person signs for customer service, and for engineering in a second role."""
    cast = await _cast(bench)
    survey = await recorded_survey(bench.session, cast, now=bench.now)
    both = await _double(bench, "customer_relations_supervisor", "engineering_material_engineer")
    path = f"/v1/site-surveys/{survey.id}/signatures"
    await bench.done(path, both, {"role": PartyRole.CUSTOMER_SERVICE.value})
    body = {"role": PartyRole.ENGINEERING_OR_PROPERTY.value}
    return Attempt(both, cast.engineer, path, body, code="one_person_one_seat")


async def signs_the_survey_with_a_borrowed_pen(bench: Bench) -> Attempt:
    """Who signed for customer service lends the role of engineering to a friend."""
    cast = await _cast(bench)
    survey = await recorded_survey(bench.session, cast, now=bench.now)
    both = await _double(bench, "customer_relations_supervisor", "engineering_material_engineer")
    path = f"/v1/site-surveys/{survey.id}/signatures"
    await bench.done(path, both, {"role": PartyRole.CUSTOMER_SERVICE.value})
    friend = await bench.people.staff("data_analyst")
    await bench.lend(both, friend)
    body = {"role": PartyRole.ENGINEERING_OR_PROPERTY.value}
    return Attempt(friend, cast.engineer, path, body, code="one_person_one_seat")


async def signs_beside_a_deputy(bench: Bench) -> Attempt:
    """A deputy signed for customer service; who lent that signs for engineering."""
    cast = await _cast(bench)
    survey = await recorded_survey(bench.session, cast, now=bench.now)
    lender = await _double(bench, "customer_relations_supervisor", "engineering_material_engineer")
    deputy = await bench.people.staff("data_analyst")
    await bench.lend(lender, deputy)
    path = f"/v1/site-surveys/{survey.id}/signatures"
    await bench.done(path, deputy, {"role": PartyRole.CUSTOMER_SERVICE.value})
    body = {"role": PartyRole.ENGINEERING_OR_PROPERTY.value}
    return Attempt(lender, cast.engineer, path, body, code="one_person_one_seat")


async def _completed(bench: Bench, cast: Cast) -> str:
    order = await completed_order(bench.session, cast, now=bench.now)
    return f"/v1/work-orders/{order.id}/signatures"


async def captain_accepts_for_customer_service(bench: Bench) -> Attempt:
    """The captain signs as captain, and for customer service in a second role."""
    cast = await _cast(bench)
    captain = cast.captain = await _double(bench, "repair_captain", "customer_relations_specialist")
    (await bench.session.get_one(RepairTeam, cast.company.team.id)).captain_id = captain.id
    path = await _completed(bench, cast)
    await bench.done(path, captain, {"seat": SignatureSeat.REPAIR_CAPTAIN.value})
    body = {"seat": SignatureSeat.CUSTOMER_SERVICE.value}
    return Attempt(captain, cast.colleague, path, body, code="one_person_one_seat")


async def accepts_own_work(bench: Bench) -> Attempt:
    """Who reported the work done accepts it for the property company."""
    cast = await _cast(bench)
    firm_id = cast.company.firm.id
    cast.worker = await bench.people.firm_user("repair_worker", "property_company_manager", firm_id=firm_id)
    path = await _completed(bench, cast)
    other = await bench.people.firm_user("property_company_manager", firm_id=firm_id)
    return Attempt(cast.worker, other, path, {"seat": SignatureSeat.ENGINEERING_OR_PROPERTY.value})


async def has_own_work_accepted(bench: Bench) -> Attempt:
    """Who reported the work done lends the acceptance to a friend of the same firm."""
    cast = await _cast(bench)
    firm_id = cast.company.firm.id
    cast.worker = await bench.people.firm_user("repair_worker", "property_company_manager", firm_id=firm_id)
    path = await _completed(bench, cast)
    friend = await bench.people.firm_user("repair_worker", firm_id=firm_id)
    await bench.lend(cast.worker, friend)
    other = await bench.people.firm_user("property_company_manager", firm_id=firm_id)
    return Attempt(friend, other, path, {"seat": SignatureSeat.ENGINEERING_OR_PROPERTY.value})


async def engineer_borrows_customer_service(bench: Bench) -> Attempt:
    """The engineer has accepted for engineering, and borrows the seat of customer service."""
    cast = await _cast(bench)
    path = await _completed(bench, cast)
    await bench.done(path, cast.engineer, {"seat": SignatureSeat.ENGINEERING_OR_PROPERTY.value})
    await bench.lend(await bench.people.staff("customer_relations_supervisor"), cast.engineer)
    body = {"seat": SignatureSeat.CUSTOMER_SERVICE.value}
    return Attempt(cast.engineer, cast.colleague, path, body, code="one_person_one_seat")


async def accepts_beside_a_deputy(bench: Bench) -> Attempt:
    """A deputy accepted for engineering; who lent that accepts for customer service."""
    cast = await _cast(bench)
    path = await _completed(bench, cast)
    lender = await _double(bench, "customer_relations_supervisor", "engineering_material_engineer")
    deputy = await bench.people.staff("data_analyst")
    await bench.lend(lender, deputy)
    await bench.done(path, deputy, {"seat": SignatureSeat.ENGINEERING_OR_PROPERTY.value})
    body = {"seat": SignatureSeat.CUSTOMER_SERVICE.value}
    return Attempt(lender, cast.colleague, path, body, code="one_person_one_seat")


async def consents_for_the_owner(bench: Bench) -> Attempt:
    """The property company's machine was given the scope to record the owner's consent to its own extension."""
    cast = await _cast(bench)
    order = await _dispatched_with_extension(bench, cast)
    scopes = ("work_orders:read", "work_orders:execute", "work_orders:consent")
    machine = await bench.people.machine(*scopes, level=GrantLevel.FIRM, targets=(cast.company.firm.id,))
    body = {"channel": "phone", "consent_by": "王秀英", "consented": True}
    path = f"/v1/work-orders/{order}/consent"
    return Attempt(machine, cast.specialist, path, body, code="out_of_reach")


async def _dispatched_with_extension(bench: Bench, cast: Cast) -> str:
    from_dispatch = await accepted_order(bench.session, cast, now=bench.now)
    path = f"/v1/work-orders/{from_dispatch.id}/extension"
    await bench.done(path, cast.captain, {"extra_workdays": 2, "reason": "需养护"})
    return str(from_dispatch.id)


WAYS: tuple[Way, ...] = (
    raises_and_approves,
    surveys_and_approves,
    edits_the_amount_and_approves,
    edits_the_words_and_approves,
    raised_before_somebody_else_edited,
    gets_a_second_role_afterwards,
    borrows_the_seat,
    lends_the_seat_to_a_friend,
    sits_in_both_seats,
    borrows_the_second_seat,
    lends_the_second_seat,
    lends_the_first_seat,
    splits_the_repair,
    sends_a_machine,
    signs_the_survey_for_two,
    signs_the_survey_with_a_borrowed_pen,
    captain_accepts_for_customer_service,
    accepts_own_work,
    has_own_work_accepted,
    engineer_borrows_customer_service,
    signs_beside_a_deputy,
    accepts_beside_a_deputy,
    consents_for_the_owner,
)
