"""Ways to say alone where a firm's money goes: to confirm the account one entered, to pay to it."""

from tests.access.bench import Attempt, Bench, Way
from tests.factories.accounts import CALLED, entered
from tests.factories.contractors import ACCOUNT, make_firm
from tests.factories.org import make_org
from tests.factories.people import Actor
from tests.factories.settlements import Site, Steps, finished_order, make_site

from ownercare_api.contractors.models import FirmKind
from ownercare_api.workorders.lifecycle import RepairClass

_PAID = {"reference": "网银流水 20261120-000318"}


async def _change(bench: Bench, by: Actor) -> str:
    org = await make_org(bench.session, now=bench.now)
    firm = await make_firm(bench.session, kind=FirmKind.PROPERTY_COMPANY)
    return await entered(bench.client, bench.session, firm_id=firm.id, project_id=org.project.id, by=by, now=bench.now)


async def confirms_own_bank_account(bench: Bench) -> Attempt:
    """Who entered a firm's new bank account confirms it: change, pay, change back."""
    clerk, other = [await bench.people.staff("finance_officer") for _ in range(2)]
    path = await _change(bench, clerk)
    return Attempt(clerk, other, f"{path}/confirmation", CALLED, code="own_bank_account_change")


async def rejects_own_bank_account(bench: Bench) -> Attempt:
    """Who entered a change rejects it as if somebody had looked into it; he may withdraw it."""
    clerk, other = [await bench.people.staff("finance_officer") for _ in range(2)]
    path = await _change(bench, clerk)
    return Attempt(clerk, other, f"{path}/rejection", {"reason": "有误"}, code="own_bank_account_change")


async def lends_the_bank_account(bench: Bench) -> Attempt:
    """Who entered a firm's new bank account lends the confirmation to a friend."""
    clerk, other = [await bench.people.staff("finance_officer") for _ in range(2)]
    path = await _change(bench, clerk)
    friend = await bench.people.staff("data_analyst")
    await bench.lend(clerk, friend)
    return Attempt(friend, other, f"{path}/confirmation", CALLED, code="own_bank_account_change")


async def borrows_the_bank_account(bench: Bench) -> Attempt:
    """Finance lends the confirmation to the engineer who entered the account."""
    engineer = await bench.people.staff("engineering_material_engineer")
    path = await _change(bench, engineer)
    finance = await bench.people.staff("finance_officer")
    await bench.lend(finance, engineer)
    return Attempt(engineer, finance, f"{path}/confirmation", CALLED, code="own_bank_account_change")


async def enters_the_bank_account_with_lent_hands(bench: Bench) -> Attempt:
    """A friend enters the account with authority that finance lent; the lender confirms it."""
    finance, other = [await bench.people.staff("finance_officer") for _ in range(2)]
    friend = await bench.people.staff("data_analyst")
    await bench.lend(finance, friend)
    path = await _change(bench, friend)
    return Attempt(finance, other, f"{path}/confirmation", CALLED, code="own_bank_account_change")


async def machine_confirms_the_bank_account(bench: Bench) -> Attempt:
    """A machine that was given the scope somehow confirms: behind it could stand the maker."""
    path = await _change(bench, await bench.people.staff("finance_officer"))
    machine = await bench.people.machine("contractors:read", "bank_accounts:confirm")
    other = await bench.people.staff("finance_officer")
    return Attempt(machine, other, f"{path}/confirmation", CALLED, code="employee_required")


async def _certified(bench: Bench) -> tuple[Site, str]:
    site = await make_site(bench.session, bench.people, now=bench.now)
    order = await finished_order(bench.session, site, now=bench.now, repair_class=RepairClass.B)
    settlement = await Steps(client=bench.client, site=site).ready_to_pay(order, 150_000)
    return site, f"/v1/settlements/{settlement['id']}/payment"


async def _changed(bench: Bench, site: Site, *, by: Actor, confirmed_by: Actor, **more: str) -> None:
    path = await entered(
        bench.client,
        bench.session,
        firm_id=site.company.firm.id,
        project_id=site.org.project.id,
        by=by,
        now=bench.now,
        **more,
    )
    await bench.done(f"{path}/confirmation", confirmed_by, CALLED)


async def confirmer_of_the_account_pays(bench: Bench) -> Attempt:
    """Who confirmed the firm's new bank account while the settlement was under way pays to it."""
    site, path = await _certified(bench)
    engineer = await bench.people.staff("engineering_material_engineer")
    await _changed(bench, site, by=engineer, confirmed_by=site.finance)
    return Attempt(site.finance, site.second_finance, path, _PAID, money=True, code="own_payee_account")


async def enterer_of_the_account_lends_the_payment(bench: Bench) -> Attempt:
    """Who entered the firm's new bank account lends the payment to a friend."""
    site, path = await _certified(bench)
    await _changed(bench, site, by=site.finance, confirmed_by=site.second_finance)
    friend = await bench.people.staff("data_analyst")
    await bench.lend(site.finance, friend)
    third = await bench.people.staff("finance_officer")
    return Attempt(friend, third, path, _PAID, money=True, code="own_payee_account")


async def changes_the_account_back_and_pays(bench: Bench) -> Attempt:
    """The account is changed and changed back, by others even: the hand in it stays."""
    site, path = await _certified(bench)
    engineer = await bench.people.staff("engineering_material_engineer")
    former = {"bank_name": "临澜银行江晖支行", "bank_account": ACCOUNT, "bank_account_holder": site.company.firm.name}
    await _changed(bench, site, by=engineer, confirmed_by=site.finance)
    await _changed(bench, site, by=engineer, confirmed_by=site.second_finance, **former)
    third = await bench.people.staff("finance_officer")
    return Attempt(site.finance, third, path, _PAID, money=True, code="own_payee_account")


WAYS: tuple[Way, ...] = (
    confirms_own_bank_account,
    rejects_own_bank_account,
    lends_the_bank_account,
    borrows_the_bank_account,
    enters_the_bank_account_with_lent_hands,
    machine_confirms_the_bank_account,
    confirmer_of_the_account_pays,
    enterer_of_the_account_lends_the_payment,
    changes_the_account_back_and_pays,
)
