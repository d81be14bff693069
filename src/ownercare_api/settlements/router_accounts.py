"""Final accounts: filing, editing, submitting again, the audit and its return."""

from decimal import Decimal
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Response
from pydantic_core import to_json

from ownercare_api.core.http.etag import IfMatch, put_version
from ownercare_api.core.http.paging import PageOf, PageParams
from ownercare_api.core.http.route import OwnerCareRoute
from ownercare_api.core.http.state import Now, State
from ownercare_api.core.http.transaction import Reader, Tx
from ownercare_api.core.lifecycle import WrongStatus
from ownercare_api.core.listing import given
from ownercare_api.core.pagination import cut
from ownercare_api.deadlines import views as deadlines
from ownercare_api.deadlines.calendars import CalendarStore
from ownercare_api.identity.declaring import Steps, creates, lists, reads, updates
from ownercare_api.identity.principal import OutOfReach, Principal
from ownercare_api.settlements import accounts, audits, repository, views
from ownercare_api.settlements.access import AccountsFile, SettlementsRead
from ownercare_api.settlements.lifecycle import (
    ACCOUNT_LIFECYCLE,
    AccountStatus,
    AuditDepartment,
    NotTheCaptain,
    OtherDepartmentAudits,
)
from ownercare_api.settlements.lifecycle_parts import OwnWork, PersonRequired
from ownercare_api.settlements.schemas import (
    AccountLineIn,
    AuditCreate,
    FinalAccountCreate,
    FinalAccountRead,
    FinalAccountSummary,
    FinalAccountUpdate,
    ReasonCreate,
)
from ownercare_api.settlements.steps import FinalAccountNotFound
from ownercare_api.workorders.service import WorkOrderNotFound

router = APIRouter(prefix="/v1", tags=["settlements"], route_class=OwnerCareRoute)

_step = Steps("final_accounts", ACCOUNT_LIFECYCLE, model=FinalAccountRead, missing=(FinalAccountNotFound,))


def _lines(lines: list[AccountLineIn]) -> list[accounts.AccountLine]:
    return [accounts.AccountLine(**line.model_dump() | {"quantity": Decimal(line.quantity)}) for line in lines]


async def _answer(
    connection: repository.Connection, account_id: UUID, *, principal: Principal, now: Now, status_code: int = 200
) -> Response:
    row = await repository.account(connection, account_id=account_id, principal=principal)
    if row is None:
        raise FinalAccountNotFound
    lines = await repository.lines(connection, account_id=account_id)
    subjects = [] if row.approval_id is None else [row.approval_id]
    clocks = await deadlines.of_subjects(connection, subject_ids=subjects, now=now)
    shown = views.account_full(row, lines=lines, principal=principal, clocks=clocks)
    response = Response(to_json(shown), status_code=status_code, media_type="application/json")
    put_version(response, row.version)
    return response


@router.post(
    "/final-accounts",
    **creates(
        "final_accounts_create",
        "File a final account (报送维修工程决算书)",
        OutOfReach,
        WorkOrderNotFound,
        NotTheCaptain,
        accounts.WorkNotSignedOff,
        accounts.AccountExists,
        accounts.TotalOutOfRange,
        rules=("FIN-04", "FIN-05", "FIN-01", "FIN-02", "FIN-03"),
        model=FinalAccountRead,
    ),
)
async def final_accounts_create(
    principal: AccountsFile, session: Tx, state: State, now: Now, body: FinalAccountCreate
) -> Response:
    """The 《维修工程决算书》 of a work order (`work_orders:read`) that was signed off, by the captain of its team (or
    the property company's own system), once. A line's amount is quantity times unit price, half a fen rounded up. Below
    the audit threshold customer service audits it, from the threshold on the audit department (FIN-05). Above the
    approved estimate it first needs a supplementary approval at the tier of the ticket's new total, and waits as
    `awaiting_approval`."""
    calendar = await state.parts[CalendarStore].get(session)
    account = await accounts.file_account(
        session,
        work_order_id=body.work_order_id,
        lines=_lines(body.lines),
        note=body.note,
        calendar=calendar,
        principal=principal,
        now=now,
    )
    response = await _answer(session, account.id, principal=principal, now=now, status_code=201)
    response.headers["Location"] = f"/v1/final-accounts/{account.id}"
    return response


@router.get(
    "/final-accounts",
    **lists(
        "final_accounts_list",
        "List final accounts (决算书列表)",
        rules=("FIN-04", "FIN-05"),
        model=PageOf[FinalAccountSummary],
    ),
)
async def final_accounts_list(
    principal: SettlementsRead,
    reader: Reader,
    now: Now,
    paging: PageParams,
    status: AccountStatus | None = None,
    department: Annotated[AuditDepartment | None, Query(description="who audits it")] = None,
    firm_id: Annotated[UUID | None, Query(description="the property company")] = None,
    project_id: UUID | None = None,
    ticket_id: UUID | None = None,
    work_order_id: UUID | None = None,
) -> Response:
    """The accounts that the caller may see, newest first: own projects, or the property company's own."""
    filters = given(
        status=status,
        department=department,
        firm_id=firm_id,
        project_id=project_id,
        ticket_id=ticket_id,
        work_order_id=work_order_id,
    )
    wanted = paging.wanted
    after = None if wanted.after is None else wanted.after[0]
    rows = await repository.accounts_page(reader, filters=filters, principal=principal, limit=wanted.limit, after=after)
    total = None
    if wanted.include_total:
        total = await repository.accounts_count(reader, filters=filters, principal=principal)
    subjects = [row.approval_id for row in rows if row.approval_id is not None]
    clocks = await deadlines.of_subjects(reader, subject_ids=subjects, now=now)
    return paging.answer(
        cut(rows, limit=wanted.limit, key=lambda row: (row.id,), total=total),
        show=lambda row: views.account_summary(row, principal=principal, clocks=clocks),
    )


@router.get(
    "/final-accounts/{account_id}",
    **reads(
        "final_accounts_read",
        "Read a final account (决算书详情)",
        FinalAccountNotFound,
        rules=("FIN-04", "FIN-05"),
        model=FinalAccountRead,
    ),
)
async def final_accounts_read(principal: SettlementsRead, reader: Reader, now: Now, account_id: UUID) -> Response:
    """The account with its lines, what the audit made of them, and the steps that this caller may take now."""
    return await _answer(reader, account_id, principal=principal, now=now)


@router.patch(
    "/final-accounts/{account_id}",
    **updates(
        "final_accounts_update",
        "Edit a returned account (修改退回的决算书)",
        FinalAccountNotFound,
        NotTheCaptain,
        WrongStatus,
        accounts.TotalOutOfRange,
        rules=("FIN-04", "FIN-05"),
        model=FinalAccountRead,
    ),
)
async def final_accounts_update(
    principal: AccountsFile, session: Tx, now: Now, if_match: IfMatch, account_id: UUID, body: FinalAccountUpdate
) -> Response:
    """Merge patch while the account is returned; `lines` replaces all lines. Submit it again afterwards."""
    account = await accounts.edit_account(
        session,
        account_id=account_id,
        lines=None if body.lines is None else _lines(body.lines),
        fields=body.model_dump(include={"note"}, exclude_unset=True),
        expect=if_match.check,
        principal=principal,
        now=now,
    )
    return await _answer(session, account.id, principal=principal, now=now)


@router.post(
    "/final-accounts/{account_id}/submission",
    **_step("submission", "Submit a returned account again (重新报送决算书)", NotTheCaptain),
)
async def final_accounts_submission(
    principal: AccountsFile, session: Tx, state: State, now: Now, account_id: UUID
) -> Response:
    """To the audit; or to a supplementary approval where the total is above the estimate and was not approved as it is
    now: an edited amount reopens the approval above it."""
    calendar = await state.parts[CalendarStore].get(session)
    await accounts.submit_account(session, account_id=account_id, calendar=calendar, principal=principal, now=now)
    return await _answer(session, account_id, principal=principal, now=now, status_code=201)


@router.post(
    "/final-accounts/{account_id}/audit",
    **_step(
        "audit",
        "Audit an account line by line (审核决算书)",
        OtherDepartmentAudits,
        OwnWork,
        PersonRequired,
        audits.AuditIncomplete,
        audits.AuditedAboveClaimed,
        audits.NothingLeft,
    ),
)
async def final_accounts_audit(
    principal: SettlementsRead, session: Tx, now: Now, account_id: UUID, body: AuditCreate
) -> Response:
    """The audited amount of every line, at most what was claimed. Needs `accounts:audit:customer_service` or
    `accounts:audit:audit_department`, as the account's `department` says; nobody audits what they estimated, raised,
    did or prepared themselves."""
    lines = [audits.AuditedLine(**line.model_dump()) for line in body.lines]
    await audits.audit_account(session, account_id=account_id, lines=lines, principal=principal, now=now)
    return await _answer(session, account_id, principal=principal, now=now, status_code=201)


@router.post(
    "/final-accounts/{account_id}/return",
    **_step("return", "Return an account to the captain (退回决算书)", OtherDepartmentAudits, OwnWork, PersonRequired),
)
async def final_accounts_return(
    principal: SettlementsRead, session: Tx, now: Now, account_id: UUID, body: ReasonCreate
) -> Response:
    """Back to the captain with a reason, who edits and submits it again. Needs the scope that
    audits the account: `accounts:audit:customer_service` or `accounts:audit:audit_department`."""
    await audits.return_account(session, account_id=account_id, reason=body.reason, principal=principal, now=now)
    return await _answer(session, account_id, principal=principal, now=now, status_code=201)
