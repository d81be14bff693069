"""What buyers pay under their purchase contracts: plans, payments, who is to be reminded."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query, Response

from ownercare_api.core.clock import business_date
from ownercare_api.core.http.etag import IfMatch, put_version
from ownercare_api.core.http.idempotency import KeyMissing, KeyRequired
from ownercare_api.core.http.paging import PageOf, PageParams
from ownercare_api.core.http.route import OwnerCareRoute
from ownercare_api.core.http.state import Now
from ownercare_api.core.http.transaction import Reader, Tx
from ownercare_api.core.wire import BusinessDate
from ownercare_api.identity.declaring import creates, lists, reads, updates
from ownercare_api.identity.principal import OutOfReach, Principal, Reach
from ownercare_api.owners import lifecycle_payments as refusals
from ownercare_api.owners import looks, payment_plans, payments
from ownercare_api.owners import repository_payments as repository
from ownercare_api.owners import views_payments as views
from ownercare_api.owners.access import PaymentPlansWrite, PaymentsRead, PaymentsRecord, PaymentsRemind
from ownercare_api.owners.lifecycle import EmployeeRequired
from ownercare_api.owners.lifecycle_payments import ContractPaymentNotFound, InstalmentState
from ownercare_api.owners.looks import Look
from ownercare_api.owners.ownerships import OwnershipNotFound
from ownercare_api.owners.payment_plans import READ, Terms, Wanted
from ownercare_api.owners.payments import RECORD, REMIND
from ownercare_api.owners.repository import ownership as ownership_row
from ownercare_api.owners.restriction import may_see
from ownercare_api.owners.schemas_payments import (
    ContractPaymentRead,
    ContractPaymentSummary,
    InstalmentPaymentCreate,
    PaymentPlanChangeCreate,
    PaymentPlanPut,
    PaymentPlanRead,
    PaymentReminderCreate,
    PaymentReversalCreate,
)
from ownercare_api.owners.service import WRITE

router = APIRouter(prefix="/v1", tags=["owners"], route_class=OwnerCareRoute)

_ANY = Reach(everywhere=True)
_RULES = ("OWN-13", "SAL-04")
_TERMS_REFUSED = (
    OutOfReach, OwnershipNotFound, refusals.PlanUneven, refusals.PlanWithoutContract, refusals.PlanPriceDiffers,
    refusals.InstalmentUnknown, refusals.InstalmentReceived,
)  # fmt: skip
_MONEY_REFUSED = (OutOfReach, ContractPaymentNotFound, KeyMissing)


@router.get(
    "/ownerships/{ownership_id}/payment-plan",
    **reads(
        "ownerships_payment_plan_read",
        "A contract's plan of payments (购房付款计划)",
        OwnershipNotFound,
        rules=_RULES,
        model=PaymentPlanRead,
    ),
)
async def ownerships_payment_plan_read(
    principal: PaymentsRead, reader: Reader, now: Now, response: Response, ownership_id: UUID
) -> dict[str, Any]:
    """What is paid under the contract by which a share was bought, and what was received; joint buyers share one plan.
    Where there is none yet, version 0 without instalments."""
    reach = principal.reach(READ)
    return await _plan(reader, response, ownership_id=ownership_id, reach=reach, principal=principal, now=now)


@router.put(
    "/ownerships/{ownership_id}/payment-plan",
    **updates(
        "ownerships_payment_plan_update",
        "Make or replace a plan of payments (制定付款计划)",
        *_TERMS_REFUSED,
        refusals.PlanFixed,
        rules=_RULES,
        model=PaymentPlanRead,
    ),
)
async def ownerships_payment_plan_update(
    principal: PaymentPlansWrite,
    session: Tx,
    now: Now,
    response: Response,
    if_match: IfMatch,
    ownership_id: UUID,
    body: PaymentPlanPut,
) -> dict[str, Any]:
    """The plan as a whole, until the contract is filed. Its instalments add up to the price, and that is the price of
    the contract: each joint buyer's record says the whole of it, or each his part. A contract that was submitted goes
    back to draft."""
    standing = await payment_plans.locked(session, ownership_id=ownership_id, principal=principal)
    if_match.check(standing.version)
    await payment_plans.replace(session, standing=standing, terms=_terms(body), principal=principal, now=now)
    return await _plan(session, response, ownership_id=ownership_id, reach=_ANY, principal=principal, now=now)


@router.post(
    "/ownerships/{ownership_id}/payment-plan/changes",
    **creates(
        "ownerships_payment_plan_changes_create",
        "Change the plan of a filed contract (变更付款计划)",
        *_TERMS_REFUSED,
        refusals.PlanNotFixed,
        rules=_RULES,
        model=PaymentPlanRead,
    ),
)
async def ownerships_payment_plan_changes_create(
    principal: PaymentPlansWrite,
    session: Tx,
    now: Now,
    response: Response,
    ownership_id: UUID,
    body: PaymentPlanChangeCreate,
) -> dict[str, Any]:
    """With a reason; the plan as it was is kept, and the contract must be reviewed and filed again by somebody else."""
    await payment_plans.change(
        session, ownership_id=ownership_id, terms=_terms(body), reason=body.reason, principal=principal, now=now
    )
    return await _plan(session, response, ownership_id=ownership_id, reach=_ANY, principal=principal, now=now)


@router.get(
    "/contract-payments",
    **lists(
        "contract_payments_list",
        "Instalments, the first due in front (应付款与催款清单)",
        rules=_RULES,
        model=PageOf[ContractPaymentSummary],
    ),
)
async def contract_payments_list(
    principal: PaymentsRead,
    reader: Reader,
    now: Now,
    paging: PageParams,
    due_from: Annotated[BusinessDate | None, Query(description="due on this day or later")] = None,
    due_to: Annotated[BusinessDate | None, Query(description="due on this day or earlier")] = None,
    state: Annotated[InstalmentState | None, Query(description="as of today in Asia/Shanghai")] = None,
    project_id: UUID | None = None,
    unit_id: UUID | None = None,
    owner_id: Annotated[UUID | None, Query(description="bought under the contract")] = None,
) -> Response:
    """Who is to be reminded, and of what: every instalment in the caller's reach with its buyers and how often they
    were reminded."""
    today = business_date(now)
    query = repository.instalments(principal.reach(READ), today=today)
    query = repository.narrowed(query, project_id=project_id, unit_id=unit_id, due_from=due_from, due_to=due_to)
    if state is not None:
        query = query.where(repository.standing(state, today=today))
    if owner_id is not None:
        query = query.where(repository.under_contract_of(owner_id))
    page = await repository.by_due_day(reader, query=query, wanted=paging.wanted)
    buyers = await repository.buyers(reader, plan_ids={row.plan_id for row in page.items})
    seen, ids = may_see(principal), {one.owner_id for found in buyers.values() for one in found}
    await looks.record(reader, owner_ids=ids, actor=principal, look=Look.LIST, now=now)
    return paging.answer(
        page, show=lambda row: views.contract_payment(row, buyers=buyers[row.plan_id], seen=seen, today=today)
    )


@router.get(
    "/contract-payments/{instalment_id}",
    **reads(
        "contract_payments_read",
        "An instalment with its payments and reminders (应付款详情)",
        ContractPaymentNotFound,
        rules=_RULES,
        model=ContractPaymentRead,
    ),
)
async def contract_payments_read(
    principal: PaymentsRead, reader: Reader, now: Now, response: Response, instalment_id: UUID
) -> dict[str, Any]:
    """What is due under which contract, what was received and reversed, and who tried to remind the buyers."""
    reach = principal.reach(READ)
    shown = await _one(reader, response, instalment_id=instalment_id, reach=reach, principal=principal, now=now)
    ids = {one["id"] for one in shown["owners"]}
    await looks.record(reader, owner_ids=ids, actor=principal, look=Look.RECORD, now=now)
    return shown


@router.post(
    "/contract-payments/{instalment_id}/payments",
    **creates(
        "contract_payments_payments_create",
        "Record money received (登记收款)",
        *_MONEY_REFUSED,
        refusals.ReceivedInFuture,
        refusals.PaymentKnown,
        refusals.PaymentExceedsOpen,
        rules=_RULES,
        model=ContractPaymentRead,
    ),
    dependencies=[KeyRequired],
)
async def contract_payments_payments_create(
    principal: PaymentsRecord,
    session: Tx,
    now: Now,
    response: Response,
    instalment_id: UUID,
    body: InstalmentPaymentCreate,
) -> dict[str, Any]:
    """All of what is open of an instalment, or a part; several follow one another. More than is open is refused: the
    rest goes to another instalment, or back."""
    await payments.receive(session, instalment_id=instalment_id, **body.model_dump(), principal=principal, now=now)
    return await _one(session, response, instalment_id=instalment_id, reach=_ANY, principal=principal, now=now)


@router.post(
    "/contract-payments/{instalment_id}/payments/{payment_id}/reversal",
    **creates(
        "contract_payments_payments_reversal_create",
        "Take a payment back (冲销收款)",
        *_MONEY_REFUSED,
        refusals.PaymentNotFound,
        refusals.AlreadyReversed,
        refusals.OwnPayment,
        EmployeeRequired,
        rules=_RULES,
        model=ContractPaymentRead,
    ),
    dependencies=[KeyRequired],
)
async def contract_payments_payments_reversal_create(
    principal: PaymentsRecord,
    session: Tx,
    now: Now,
    response: Response,
    instalment_id: UUID,
    payment_id: UUID,
    body: PaymentReversalCreate,
) -> dict[str, Any]:
    """The money bounced, or was recorded by mistake: another employee than who recorded it takes it back, once. The
    payment stays on record."""
    await payments.reverse(
        session,
        instalment_id=instalment_id,
        payment_id=payment_id,
        reason=body.reason,
        principal=principal,
        now=now,
    )
    return await _one(session, response, instalment_id=instalment_id, reach=_ANY, principal=principal, now=now)


@router.post(
    "/contract-payments/{instalment_id}/reminders",
    **creates(
        "contract_payments_reminders_create",
        "Record a reminder (登记催款)",
        OutOfReach,
        ContractPaymentNotFound,
        refusals.NothingOpen,
        rules=_RULES,
        model=ContractPaymentRead,
    ),
)
async def contract_payments_reminders_create(
    principal: PaymentsRemind,
    session: Tx,
    now: Now,
    response: Response,
    instalment_id: UUID,
    body: PaymentReminderCreate,
) -> dict[str, Any]:
    """An attempt to remind the buyers to pay in time, whether or not anybody was reached."""
    await payments.remind(session, instalment_id=instalment_id, **body.model_dump(), principal=principal, now=now)
    return await _one(session, response, instalment_id=instalment_id, reach=_ANY, principal=principal, now=now)


def _terms(body: PaymentPlanPut) -> Terms:
    return Terms(body.price_fen, [Wanted(**one.model_dump()) for one in body.instalments])


async def _plan(
    connection: repository.Connection,
    response: Response,
    *,
    ownership_id: UUID,
    reach: Reach,
    principal: Principal,
    now: Now,
) -> dict[str, Any]:
    row = await ownership_row(connection, ownership_id=ownership_id, reach=reach)
    if row is None:
        raise OwnershipNotFound
    plan, instalments, changes, shares = None, [], [], [row.id]
    if row.payment_plan_id is not None:
        plan = await repository.plan(connection, plan_id=row.payment_plan_id)
        instalments = [*await repository.plan_instalments(connection, plan_ids=[plan.id], today=business_date(now))]
        changes = [*await repository.changes(connection, plan_id=plan.id)]
        shares = [*await repository.shares(connection, plan_id=plan.id)]
    step = "replacement" if plan is None or plan.fixed_at is None else "changes"
    shown = views.plan(
        plan,
        instalments=instalments,
        changes=changes,
        today=business_date(now),
        ownership_ids=shares,
        unit_id=row.unit_id,
        project_id=row.project_id,
        allowed_actions=[step] if principal.may(WRITE, project_id=row.project_id) else [],
    )
    await looks.record(connection, owner_ids=[row.owner_id], actor=principal, look=Look.RECORD, now=now)
    put_version(response, shown["version"])
    return shown


async def _one(
    connection: repository.Connection,
    response: Response,
    *,
    instalment_id: UUID,
    reach: Reach,
    principal: Principal,
    now: Now,
) -> dict[str, Any]:
    today = business_date(now)
    row = await repository.instalment(connection, instalment_id=instalment_id, reach=reach, today=today)
    if row is None:
        raise ContractPaymentNotFound
    buyers = (await repository.buyers(connection, plan_ids=[row.plan_id]))[row.plan_id]
    received = (await repository.payments(connection, instalment_ids=[row.id]))[row.id]
    reminded = await repository.reminders(connection, instalment_id=row.id)
    shown = views.contract_payment(row, buyers=buyers, seen=may_see(principal), today=today)
    steps = {
        "payments": (RECORD, shown["open_fen"] > 0),
        "reversal": (RECORD, shown["received_fen"] > 0),
        "reminders": (REMIND, shown["state"] not in (InstalmentState.PAID, InstalmentState.ENDED)),
    }
    put_version(response, row.version)
    return shown | {
        "payments": [views.payment(one) for one in received],
        "reminded": [views.reminder(one) for one in reminded],
        "allowed_actions": [
            name
            for name, (scope, now_so) in steps.items()
            if now_so and principal.may(scope, project_id=row.project_id)
        ],
    }
