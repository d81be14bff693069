"""Ways to audit, certify, pay, reverse or release what one has prepared, audited or written oneself."""

from tests.access.bench import Attempt, Bench, Way, decisions
from tests.factories.people import Actor
from tests.factories.settlements import Site, Steps, finished_order, lines, make_site

from ownercare_api.contractors.models import RepairTeam
from ownercare_api.identity.models import GrantLevel
from ownercare_api.workorders.lifecycle import RepairClass

_AMOUNT = 150_000


async def _site(bench: Bench) -> tuple[Site, Steps]:
    site = await make_site(bench.session, bench.people, now=bench.now)
    return site, Steps(client=bench.client, site=site)


async def _double(bench: Bench, *roles: str) -> Actor:
    return await bench.people.staff(*roles)


async def _captain(bench: Bench, site: Site, captain: Actor) -> None:
    (await bench.session.get_one(RepairTeam, site.company.team.id)).captain_id = captain.id
    await bench.session.flush()
    site.captain = captain


_AUDIT = {"lines": [{"position": 1, "audited_amount_fen": _AMOUNT}]}


def _audit(account: dict[str, str]) -> str:
    return f"/v1/final-accounts/{account['id']}/audit"


async def estimator_audits(bench: Bench) -> Attempt:
    """Who raised the order audits its account."""
    site, steps = await _site(bench)
    account = await steps.filed(await finished_order(bench.session, site, now=bench.now), _AMOUNT)
    return Attempt(site.raiser, site.clerk, _audit(account), _AUDIT)


async def estimator_lends_the_audit(bench: Bench) -> Attempt:
    """Who raised the order lends the audit to a friend."""
    site, steps = await _site(bench)
    account = await steps.filed(await finished_order(bench.session, site, now=bench.now), _AMOUNT)
    friend = await bench.people.staff("data_analyst")
    await bench.lend(site.raiser, friend)
    return Attempt(friend, site.clerk, _audit(account), _AUDIT)


async def filer_audits(bench: Bench) -> Attempt:
    """The captain who filed the account is a clerk of customer service too."""
    site, steps = await _site(bench)
    await _captain(bench, site, await _double(bench, "repair_captain", "customer_relations_specialist"))
    account = await steps.filed(await finished_order(bench.session, site, now=bench.now), _AMOUNT)
    return Attempt(site.captain, site.clerk, _audit(account), _AUDIT)


async def filer_borrows_the_audit(bench: Bench) -> Attempt:
    """A clerk lends the audit to the captain who filed the account."""
    site, steps = await _site(bench)
    await _captain(bench, site, await bench.people.staff("repair_captain"))
    account = await steps.filed(await finished_order(bench.session, site, now=bench.now), _AMOUNT)
    await bench.lend(await bench.people.staff("customer_relations_specialist"), site.captain)
    return Attempt(site.captain, site.clerk, _audit(account), _AUDIT)


async def files_again_after_the_return(bench: Bench) -> Attempt:
    """An account is returned, edited and submitted again; the captain who edited it audits it."""
    site, steps = await _site(bench)
    await _captain(bench, site, await _double(bench, "repair_captain", "customer_relations_specialist"))
    account = await steps.filed(await finished_order(bench.session, site, now=bench.now), _AMOUNT)
    await bench.done(f"/v1/final-accounts/{account['id']}/return", site.clerk, {"reason": "数量不符"})
    await _edited(bench, site.captain, account)
    await bench.done(f"/v1/final-accounts/{account['id']}/submission", site.captain)
    return Attempt(site.captain, site.clerk, _audit(account), _AUDIT)


async def _edited(bench: Bench, captain: Actor, account: dict[str, str], fen: int = _AMOUNT) -> None:
    changed = await bench.client.patch(
        f"/v1/final-accounts/{account['id']}",
        json={"lines": lines(fen)},
        headers={**captain.headers, "If-Match": "*"},
    )
    assert changed.status_code == 200, changed.text


async def is_replaced_after_editing(bench: Bench) -> Attempt:
    """The captain edits, is replaced by another who submits, and then audits what the other submitted."""
    site, steps = await _site(bench)
    await _captain(bench, site, await _double(bench, "repair_captain", "customer_relations_specialist"))
    account = await steps.filed(await finished_order(bench.session, site, now=bench.now), _AMOUNT)
    await bench.done(f"/v1/final-accounts/{account['id']}/return", site.clerk, {"reason": "数量不符"})
    editor = site.captain
    await _edited(bench, editor, account)
    await _captain(bench, site, await bench.people.firm_user("repair_captain", firm_id=site.company.firm.id))
    await bench.done(f"/v1/final-accounts/{account['id']}/submission", site.captain)
    return Attempt(editor, site.clerk, _audit(account), _AUDIT)


async def editor_approves_the_supplement(bench: Bench) -> Attempt:
    """Who edited the returned account above the estimate, and was replaced, decides the supplementary approval."""
    site, steps = await _site(bench)
    first = site.captain
    account = await steps.filed(await finished_order(bench.session, site, now=bench.now), _AMOUNT)
    await bench.done(f"/v1/final-accounts/{account['id']}/return", site.clerk, {"reason": "数量不符"})
    editor = await _double(bench, "repair_captain", "customer_service_manager")
    await _captain(bench, site, editor)
    await _edited(bench, editor, account, 180_000)
    await _captain(bench, site, first)
    sent = await bench.done(f"/v1/final-accounts/{account['id']}/submission", first)
    right = await bench.people.staff("customer_service_manager")
    return Attempt(editor, right, decisions(sent["approval_id"]), {"decision": "approved", "comment": "同意"})


async def estimator_approves_the_supplement(bench: Bench) -> Attempt:
    """Who raised the order decides the supplementary approval of its account."""
    site, steps = await _site(bench)
    site.raiser = await _double(bench, "customer_relations_specialist", "customer_service_manager")
    account = await steps.filed(await finished_order(bench.session, site, now=bench.now), 180_000)
    right = await bench.people.staff("customer_service_manager")
    return Attempt(site.raiser, right, decisions(account["approval_id"]), {"decision": "approved", "comment": "同意"})


async def machine_audits(bench: Bench) -> Attempt:
    """A machine holds the scope of the audit: behind it could stand the maker."""
    site, steps = await _site(bench)
    account = await steps.filed(await finished_order(bench.session, site, now=bench.now), _AMOUNT)
    machine = await bench.people.machine("settlements:read", "accounts:audit:customer_service")
    return Attempt(machine, site.clerk, _audit(account), _AUDIT, code="person_required")


async def _settlement(bench: Bench, site: Site, steps: Steps, *, class_a: bool = False) -> dict[str, str]:
    kind = RepairClass.A if class_a else RepairClass.B
    order = await finished_order(bench.session, site, now=bench.now, repair_class=kind)
    if class_a:
        await steps.retention(5_000_000)
    return await steps.settlement(order, _AMOUNT)


def _certify(settlement: dict[str, str]) -> str:
    return f"/v1/settlements/{settlement['id']}/certification"


_OPINION = {"opinion": "同意结算。"}


async def writer_certifies(bench: Bench) -> Attempt:
    """Who wrote the settlement is the deputy chief engineer too."""
    site, steps = await _site(bench)
    site.clerk = await _double(bench, "customer_relations_specialist", "deputy_chief_engineer")
    return Attempt(site.clerk, site.engineer, _certify(await _settlement(bench, site, steps)), _OPINION)


async def writer_borrows_the_certification(bench: Bench) -> Attempt:
    """The deputy chief engineer lends the seat to who wrote the settlement."""
    site, steps = await _site(bench)
    settlement = await _settlement(bench, site, steps)
    await bench.lend(await bench.people.staff("deputy_chief_engineer"), site.clerk)
    return Attempt(site.clerk, site.engineer, _certify(settlement), _OPINION)


async def estimator_certifies(bench: Bench) -> Attempt:
    """Who raised the order is the deputy chief engineer too."""
    site, steps = await _site(bench)
    site.raiser = await _double(bench, "customer_relations_specialist", "deputy_chief_engineer")
    return Attempt(site.raiser, site.engineer, _certify(await _settlement(bench, site, steps)), _OPINION)


async def notifier_certifies(bench: Bench) -> Attempt:
    """Who put the settlement to the contractor certifies it."""
    site, steps = await _site(bench)
    site.auditor = await _double(bench, "auditor", "deputy_chief_engineer")
    settlement = await _settlement(bench, site, steps, class_a=True)
    await steps.answered(await steps.notified(settlement))
    return Attempt(site.auditor, site.engineer, _certify(settlement), _OPINION)


async def machine_certifies(bench: Bench) -> Attempt:
    """A machine certifies."""
    site, steps = await _site(bench)
    settlement = await _settlement(bench, site, steps)
    machine = await bench.people.machine("settlements:read", "settlements:certify")
    return Attempt(machine, site.engineer, _certify(settlement), _OPINION, code="person_required")


async def writer_determines_the_dispute(bench: Bench) -> Attempt:
    """Who wrote the disputed settlement determines it as deputy chief engineer."""
    site, steps = await _site(bench)
    site.clerk = await _double(bench, "customer_relations_specialist", "deputy_chief_engineer")
    settlement = await _settlement(bench, site, steps, class_a=True)
    await steps.answered(await steps.notified(settlement), "refused", reason="不属保修范围")
    body = {"kind": "moved_to_b", "reason": "按公司承担处理"}
    return Attempt(site.clerk, site.engineer, f"/v1/settlements/{settlement['id']}/dispute-resolution", body)


async def corrector_certifies(bench: Bench) -> Attempt:
    """Who corrected the amount in a dispute certifies it once the contractor agreed."""
    site, steps = await _site(bench)
    corrector = await _double(bench, "customer_relations_specialist", "deputy_chief_engineer")
    settlement = await _settlement(bench, site, steps, class_a=True)
    await steps.answered(await steps.notified(settlement), "refused", reason="金额过高")
    await steps.resolved(settlement, corrector, "corrected_amount", amount_fen=100_000)
    await steps.answered(settlement)
    return Attempt(corrector, site.engineer, _certify(settlement), _OPINION)


_PAID = {"reference": "网银流水 20261120-000318"}


def _pay(settlement: dict[str, str]) -> str:
    return f"/v1/settlements/{settlement['id']}/payment"


async def auditor_pays(bench: Bench) -> Attempt:
    """Who audited the account is of finance too."""
    site, steps = await _site(bench)
    site.clerk = await _double(bench, "customer_relations_specialist", "finance_officer")
    settlement = await steps.certified(await _settlement(bench, site, steps))
    return Attempt(site.clerk, site.finance, _pay(settlement), _PAID, money=True)


async def certifier_pays(bench: Bench) -> Attempt:
    """Who certified is of finance too."""
    site, steps = await _site(bench)
    site.engineer = await _double(bench, "deputy_chief_engineer", "finance_officer")
    settlement = await steps.certified(await _settlement(bench, site, steps))
    return Attempt(site.engineer, site.finance, _pay(settlement), _PAID, money=True)


async def certifier_lends_the_payment(bench: Bench) -> Attempt:
    """Who certified lends the cash desk to a friend."""
    site, steps = await _site(bench)
    site.engineer = await _double(bench, "deputy_chief_engineer", "finance_officer")
    settlement = await steps.certified(await _settlement(bench, site, steps))
    friend = await bench.people.staff("data_analyst")
    await bench.lend(site.engineer, friend)
    return Attempt(friend, site.finance, _pay(settlement), _PAID, money=True)


async def machine_pays(bench: Bench) -> Attempt:
    """A machine pays."""
    site, steps = await _site(bench)
    settlement = await steps.certified(await _settlement(bench, site, steps))
    machine = await bench.people.machine("settlements:read", "settlements:pay")
    return Attempt(machine, site.finance, _pay(settlement), _PAID, code="person_required", money=True)


async def _paid(bench: Bench) -> tuple[Site, str]:
    site, steps = await _site(bench)
    settlement = await steps.paid(await steps.certified(await _settlement(bench, site, steps)))
    return site, f"/v1/settlements/{settlement['id']}/payment/reversal"


async def payer_reverses(bench: Bench) -> Attempt:
    """Who paid takes the payment back."""
    site, path = await _paid(bench)
    return Attempt(site.finance, site.second_finance, path, {"reason": "账户有误"}, money=True)


async def payer_lends_the_reversal(bench: Bench) -> Attempt:
    """Who paid lends the cash desk to a friend, who takes the payment back."""
    site, path = await _paid(bench)
    friend = await bench.people.staff("data_analyst")
    await bench.lend(site.finance, friend)
    return Attempt(friend, site.second_finance, path, {"reason": "账户有误"}, money=True)


async def lender_reverses_what_a_deputy_paid(bench: Bench) -> Attempt:
    """Who lent the cash desk takes back what the deputy paid with it."""
    site, steps = await _site(bench)
    certified = await steps.certified(await _settlement(bench, site, steps))
    deputy = await bench.people.staff("data_analyst")
    await bench.lend(site.finance, deputy)
    await bench.done(_pay(certified), deputy, _PAID, money=True)
    path = f"{_pay(certified)}/reversal"
    return Attempt(site.finance, site.second_finance, path, {"reason": "账户有误"}, money=True)


async def another_firm_confirms(bench: Bench) -> Attempt:
    """A user of the property company, given the contractor's role, confirms the deduction that pays its own firm."""
    site, steps = await _site(bench)
    settlement = await steps.notified(await _settlement(bench, site, steps, class_a=True))
    user = await bench.people.firm_user("contractor_representative", firm_id=site.company.firm.id)
    path = f"/v1/settlements/{settlement['id']}/contractor-confirmation"
    return Attempt(user, site.builder, path, {"decision": "confirmed"}, code="not_the_contractor")


async def contractor_notifies_itself(bench: Bench) -> Attempt:
    """The property company's machine was given the scope to put the settlement to the contractor."""
    site, steps = await _site(bench)
    settlement = await _settlement(bench, site, steps, class_a=True)
    scopes = ("settlements:read", "settlements:notify")
    machine = await bench.people.machine(*scopes, level=GrantLevel.FIRM, targets=(site.company.firm.id,))
    path = f"/v1/settlements/{settlement['id']}/contractor-notice"
    return Attempt(machine, site.auditor, path, code="out_of_reach")


async def _release(bench: Bench, asker: Actor) -> tuple[Site, str]:
    site, steps = await _site(bench)
    account = await steps.retention(5_000_000)
    path = f"/v1/retention-accounts/{account['id']}/release-requests"
    asked = await bench.done(path, asker, {"amount_fen": 1_000_000})
    return site, f"{path}/{asked['id']}"


_SUPPORTED = {"opinion": "同意支付。", "supported": True}


async def requester_gives_the_opinion(bench: Bench) -> Attempt:
    """Who asked to release retention gives the opinion of customer service."""
    asker = await _double(bench, "finance_officer", "customer_service_manager")
    _, path = await _release(bench, asker)
    right = await bench.people.staff("customer_service_manager")
    return Attempt(asker, right, f"{path}/opinion", _SUPPORTED)


async def requester_borrows_the_opinion(bench: Bench) -> Attempt:
    """The manager lends the opinion to who asked."""
    asker = await bench.people.staff("finance_officer")
    _, path = await _release(bench, asker)
    await bench.lend(await bench.people.staff("customer_service_manager"), asker)
    right = await bench.people.staff("customer_service_manager")
    return Attempt(asker, right, f"{path}/opinion", _SUPPORTED)


async def requester_pays_the_release(bench: Bench) -> Attempt:
    """Who asked to release retention pays it."""
    asker = await bench.people.staff("finance_officer")
    site, path = await _release(bench, asker)
    await bench.done(f"{path}/opinion", await bench.people.staff("customer_service_manager"), _SUPPORTED)
    return Attempt(asker, site.finance, f"{path}/release", money=True)


async def adviser_pays_the_release(bench: Bench) -> Attempt:
    """Who gave the opinion pays it."""
    asker = await bench.people.staff("finance_officer")
    site, path = await _release(bench, asker)
    adviser = await _double(bench, "customer_service_manager", "finance_officer")
    await bench.done(f"{path}/opinion", adviser, _SUPPORTED)
    return Attempt(adviser, site.finance, f"{path}/release", money=True)


async def lender_gives_the_opinion(bench: Bench) -> Attempt:
    """A deputy asked with lent authority; the lender gives the opinion in a second role."""
    lender = await _double(bench, "finance_officer", "customer_service_manager")
    deputy = await bench.people.staff("data_analyst")
    await bench.lend(lender, deputy)
    _, path = await _release(bench, deputy)
    right = await bench.people.staff("customer_service_manager")
    return Attempt(lender, right, f"{path}/opinion", _SUPPORTED)


async def lender_pays_what_a_deputy_supported(bench: Bench) -> Attempt:
    """A deputy gave the opinion with lent authority; the lender pays in a second role."""
    site, path = await _release(bench, await bench.people.staff("finance_officer"))
    lender = await _double(bench, "customer_service_manager", "finance_officer")
    deputy = await bench.people.staff("data_analyst")
    await bench.lend(lender, deputy)
    await bench.done(f"{path}/opinion", deputy, _SUPPORTED)
    return Attempt(lender, site.finance, f"{path}/release", money=True)


WAYS: tuple[Way, ...] = (
    lender_reverses_what_a_deputy_paid,
    lender_gives_the_opinion,
    lender_pays_what_a_deputy_supported,
    estimator_audits,
    estimator_lends_the_audit,
    filer_audits,
    filer_borrows_the_audit,
    files_again_after_the_return,
    is_replaced_after_editing,
    editor_approves_the_supplement,
    estimator_approves_the_supplement,
    machine_audits,
    writer_certifies,
    writer_borrows_the_certification,
    estimator_certifies,
    notifier_certifies,
    machine_certifies,
    writer_determines_the_dispute,
    corrector_certifies,
    auditor_pays,
    certifier_pays,
    certifier_lends_the_payment,
    machine_pays,
    payer_reverses,
    payer_lends_the_reversal,
    another_firm_confirms,
    contractor_notifies_itself,
    requester_gives_the_opinion,
    requester_borrows_the_opinion,
    requester_pays_the_release,
    adviser_pays_the_release,
)
