"""Change requests of owners' records, and information audits."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query, Response

from ownercare_api.core.clock import business_date
from ownercare_api.core.http.etag import put_version
from ownercare_api.core.http.paging import PageOf, PageParams
from ownercare_api.core.http.route import OwnerCareRoute
from ownercare_api.core.http.state import Now, State
from ownercare_api.core.http.transaction import Reader, Tx
from ownercare_api.core.lifecycle import WrongStatus
from ownercare_api.core.listing import newest_first
from ownercare_api.files.service import FileNotUsable
from ownercare_api.identity.principal import OutOfReach, Principal, Reach
from ownercare_api.owners import archive, audits, changes, changes_steps, looks, service
from ownercare_api.owners import repository_changes as repository
from ownercare_api.owners.access import OwnersRead, OwnersVerify, OwnersWrite
from ownercare_api.owners.changes_steps import ChangeNotFound, RecordChanged
from ownercare_api.owners.documents import InvalidDocument
from ownercare_api.owners.lifecycle import CHANGE_LIFECYCLE, ChangeStatus, EmployeeRequired, OwnChange
from ownercare_api.owners.looks import Look
from ownercare_api.owners.models import Owner
from ownercare_api.owners.models_changes import InformationAudit, OwnerChange
from ownercare_api.owners.restriction import may_see
from ownercare_api.owners.router_parts import reads, writes
from ownercare_api.owners.schemas_changes import (
    AuditCreate,
    AuditMade,
    AuditRead,
    ChangeCreate,
    ChangeRead,
    ChangeReason,
    ChangeSummary,
    DueRead,
    VerificationCreate,
)
from ownercare_api.owners.service import READ, VERIFY, WRITE, sight
from ownercare_api.owners.views import owner_ref

router = APIRouter(prefix="/v1", tags=["owners"], route_class=OwnerCareRoute)

_RULES = ("OWN-05",)


def _step(name: str, summary: str, *refusals: Any) -> dict[str, Any]:
    """Declare a step of a change request."""
    rules = CHANGE_LIFECYCLE.steps[name].rules
    operation = f"owner_change_requests_{name}_create"
    return writes(operation, summary, ChangeNotFound, WrongStatus, *refusals, rules=rules, model=ChangeRead)


@router.get(
    "/owner-change-requests",
    **reads(
        "owner_change_requests_list",
        "Change requests (信息变更申请)",
        rules=_RULES,
        model=PageOf[ChangeSummary],
        paged=True,
    ),
)
async def owner_change_requests_list(
    principal: OwnersRead,
    reader: Reader,
    now: Now,
    paging: PageParams,
    status: ChangeStatus | None = None,
    owner_id: UUID | None = None,
    project_id: Annotated[UUID | None, Query(description="the owner has or had a home there")] = None,
) -> Response:
    """The change requests of owners in the caller's reach, newest first, without their values."""
    given = {"status": status, "owner_id": owner_id}
    filters = {name: value for name, value in given.items() if value is not None}
    query = repository.changes(principal.reach(READ), filters=filters, project_id=project_id)
    page = await newest_first(reader, query=query, key=OwnerChange.__table__.c.id, wanted=paging.wanted)
    await looks.record(reader, owner_ids=[row.owner_id for row in page.items], actor=principal, look=Look.LIST, now=now)
    return paging.answer(page, show=lambda row: _summary(row, seen=may_see(principal)))


@router.post(
    "/owner-change-requests",
    **writes(
        "owner_change_requests_create",
        "Enter a change (提交信息变更)",
        changes.NothingChanges,
        InvalidDocument,
        archive.DocumentMismatch,
        archive.OwnerExists,
        archive.PhoneKnown,
        archive.PhoneNotFound,
        archive.PrimaryPhone,
        FileNotUsable,
        rules=("OWN-05", "OWN-15"),
        model=ChangeRead,
    ),
)
async def owner_change_requests_create(
    principal: OwnersWrite, session: Tx, state: State, now: Now, response: Response, body: ChangeCreate
) -> ChangeRead:
    """What an owner notified about name, document, sex, birth date, home address or telephone numbers. Nothing changes
    until another person has verified it and it is applied. New and former values are kept encrypted, shown masked."""
    made = await changes.submit(
        session,
        owner_id=body.owner_id,
        changes=body.changes.given(),
        notice=changes.Notice(body.channel, body.note, body.evidence_file_ids),
        keyring=state.keyring,
        principal=principal,
        now=now,
    )
    response.headers["Location"] = f"/v1/owner-change-requests/{made.id}"
    return await _answer(session, response, change_id=made.id, principal=principal)


@router.get(
    "/owner-change-requests/{change_id}",
    **reads(
        "owner_change_requests_read",
        "A change request (信息变更申请详情)",
        ChangeNotFound,
        rules=_RULES,
        model=ChangeRead,
    ),
)
async def owner_change_requests_read(
    principal: OwnersRead, reader: Reader, now: Now, response: Response, change_id: UUID
) -> ChangeRead:
    """One change request: old and new values masked, evidence, who entered and verified it, what may be done now."""
    reach = principal.reach(READ)
    found = await _answer(reader, response, change_id=change_id, principal=principal, reach=reach)
    await looks.record(reader, owner_ids=[found.owner.id], actor=principal, look=Look.CHANGE_REQUEST, now=now)
    return found


@router.post(
    "/owner-change-requests/{change_id}/verification",
    **_step("verification", "Verify a change (核实信息变更)", OwnChange, EmployeeRequired),
)
async def owner_change_requests_verification_create(
    principal: OwnersVerify, session: Tx, now: Now, response: Response, change_id: UUID, body: VerificationCreate
) -> ChangeRead:
    """Another person than who entered it makes sure that the owner means it: calls back on the recorded number, sees
    the document, meets the owner."""
    await changes_steps.verify(session, change_id=change_id, **body.model_dump(), principal=principal, now=now)
    return await _answer(session, response, change_id=change_id, principal=principal)


@router.post(
    "/owner-change-requests/{change_id}/application",
    **_step("application", "Apply a verified change (变更入档)", RecordChanged, archive.OwnerExists),
)
async def owner_change_requests_application_create(
    principal: OwnersWrite, session: Tx, state: State, now: Now, response: Response, change_id: UUID
) -> ChangeRead:
    """Writes the new values to the record. Refused where the record was changed since the request was entered."""
    await changes_steps.apply(session, change_id=change_id, keyring=state.keyring, principal=principal, now=now)
    return await _answer(session, response, change_id=change_id, principal=principal)


@router.post(
    "/owner-change-requests/{change_id}/rejection",
    **_step("rejection", "Reject a change (驳回信息变更)", OwnChange, EmployeeRequired),
)
async def owner_change_requests_rejection_create(
    principal: OwnersVerify, session: Tx, now: Now, response: Response, change_id: UUID, body: ChangeReason
) -> ChangeRead:
    """It could not be verified, or is not true; also for a verified one that is not applied yet."""
    await changes_steps.reject(session, change_id=change_id, reason=body.reason, principal=principal, now=now)
    return await _answer(session, response, change_id=change_id, principal=principal)


@router.post(
    "/owner-change-requests/{change_id}/withdrawal",
    **_step("withdrawal", "Withdraw a change (撤回信息变更)"),
)
async def owner_change_requests_withdrawal_create(
    principal: OwnersWrite, session: Tx, now: Now, response: Response, change_id: UUID, body: ChangeReason
) -> ChangeRead:
    """The owner does not want it any more, or it was entered by mistake."""
    await changes_steps.withdraw(session, change_id=change_id, reason=body.reason, principal=principal, now=now)
    return await _answer(session, response, change_id=change_id, principal=principal)


@router.get(
    "/information-audits",
    **reads(
        "information_audits_list",
        "Information audits (信息审核记录)",
        rules=("OWN-06",),
        model=PageOf[AuditRead],
        paged=True,
    ),
)
async def information_audits_list(
    principal: OwnersRead, reader: Reader, now: Now, paging: PageParams, owner_id: UUID | None = None
) -> Response:
    """The audits of records in the caller's reach, newest first."""
    query = repository.audits(principal.reach(READ), owner_id=owner_id)
    page = await newest_first(reader, query=query, key=InformationAudit.__table__.c.id, wanted=paging.wanted)
    ids = [row.owner_id for row in page.items]
    await looks.record(reader, owner_ids=ids, actor=principal, look=Look.LIST, now=now)
    return paging.answer(page, show=lambda row: _audit(row, seen=may_see(principal)))


@router.post(
    "/information-audits",
    **writes(
        "information_audits_create",
        "Record an information audit (登记信息审核)",
        audits.ChangeNotAbout,
        rules=("OWN-06",),
        model=AuditMade,
    ),
)
async def information_audits_create(principal: OwnersWrite, session: Tx, now: Now, body: AuditCreate) -> AuditMade:
    """A record was checked with the owner: accurate, or corrected through a change request. The next audit is due after
    `information_audit.interval_days`; where the owner could not be reached the record stays due."""
    fields = body.model_dump(exclude={"change_request_id"})
    made, due = await audits.record(session, **fields, change_id=body.change_request_id, principal=principal, now=now)
    reach = Reach(everywhere=True)
    row = (await session.execute(repository.audits(reach).where(InformationAudit.id == made.id))).one()
    return AuditMade.model_validate(_audit(row, seen=may_see(principal)) | {"next_due_on": due})


@router.get(
    "/information-audits/due",
    **reads(
        "information_audits_due_list",
        "Records due for an audit (待审核档案)",
        OutOfReach,
        rules=("OWN-06",),
        model=PageOf[DueRead],
        paged=True,
    ),
)
async def information_audits_due_list(
    principal: OwnersRead,
    reader: Reader,
    now: Now,
    paging: PageParams,
    project_id: Annotated[UUID, Query(description="owners who have a home there now")],
) -> Response:
    """The owners of a project whose records were not audited for `information_audit.interval_days`, newest first."""
    principal.require(READ, project_id=project_id)
    days = await audits.interval_days(reader, project_id=project_id, now=now)
    query = repository.audits_due(
        principal.reach(READ), project_id=project_id, today=business_date(now), interval_days=days
    )
    page = await newest_first(reader, query=query, key=Owner.__table__.c.id, wanted=paging.wanted)
    ids = [row.owner_id for row in page.items]
    await looks.record(reader, owner_ids=ids, actor=principal, look=Look.LIST, now=now)
    return paging.answer(page, show=lambda row: _due(row, seen=may_see(principal)))


def _summary(row: Any, *, seen: bool) -> dict[str, Any]:
    fields = {name: getattr(row, name) for name in ChangeSummary.model_fields if name != "owner"}
    return fields | {"owner": owner_ref(row, seen=seen)}


def _audit(row: Any, *, seen: bool) -> dict[str, Any]:
    fields = {name: getattr(row, name) for name in AuditRead.model_fields if name not in ("owner", "change_request_id")}
    return fields | {"owner": owner_ref(row, seen=seen), "change_request_id": row.change_id}


def _due(row: Any, *, seen: bool) -> dict[str, Any]:
    return {"owner": owner_ref(row, seen=seen), "checked_on": row.checked_on, "due_on": row.due_on}


async def _answer(
    connection: repository.Connection,
    response: Response,
    *,
    change_id: UUID,
    principal: Principal,
    reach: Reach | None = None,
) -> ChangeRead:
    seen = sight(principal, WRITE, VERIFY) if reach is None else reach
    row = await repository.change(connection, change_id=change_id, reach=seen)
    if row is None:
        raise ChangeNotFound
    put_version(response, row.version)
    places = [*await service.projects_of(connection, owner_id=row.owner_id), None]
    subject = await changes_steps.standing(connection, row, principal=principal)
    actions = CHANGE_LIFECYCLE.allowed(
        status=row.status,
        subject=subject,
        actor=principal,
        may=lambda scope: any(principal.may(scope, project_id=place) for place in places),
    )
    return ChangeRead.model_validate(
        _summary(row, seen=may_see(principal))
        | {
            "former": row.former_masked,
            "submitted": row.submitted_masked,
            "note": row.note,
            "evidence_file_ids": row.evidence_file_ids,
            "verification_note": row.verification_note,
            "reason": row.reason,
            "allowed_actions": actions,
        }
    )
