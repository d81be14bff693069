"""Transfers of homes, and the filing of purchase contracts."""

from typing import Any
from uuid import UUID

from fastapi import APIRouter, Response

from ownercare_api.core.http.etag import IfMatch
from ownercare_api.core.http.paging import PageOf, PageParams
from ownercare_api.core.http.route import OwnerCareRoute
from ownercare_api.core.http.state import Now, State
from ownercare_api.core.http.transaction import Reader, Tx
from ownercare_api.core.lifecycle import WrongStatus
from ownercare_api.core.listing import newest_first
from ownercare_api.files.service import FileNotUsable
from ownercare_api.identity.principal import Reach
from ownercare_api.owners import archive, filing, transfers
from ownercare_api.owners import repository_changes as repository
from ownercare_api.owners.access import OwnersRead, OwnersVerify, OwnersWrite
from ownercare_api.owners.documents import InvalidDocument
from ownercare_api.owners.lifecycle import FILING_LIFECYCLE, ContractIncomplete, EmployeeRequired, OwnContract
from ownercare_api.owners.models_changes import OwnershipTransfer
from ownercare_api.owners.ownerships import OwnershipNotFound, SharesExceeded
from ownercare_api.owners.router_homes import ownership_answer
from ownercare_api.owners.router_parts import patches, reads, writes
from ownercare_api.owners.schemas import FilingNote, FilingReturn, OwnerCreate, OwnershipRead, OwnershipUpdate
from ownercare_api.owners.schemas_changes import BuyerGiven, TransferCreate, TransferRead
from ownercare_api.owners.service import READ
from ownercare_api.owners.transfers import Buyer, Deal, Sale
from ownercare_api.properties import service as properties
from ownercare_api.properties.service import UnitNotFound

router = APIRouter(prefix="/v1", tags=["owners"], route_class=OwnerCareRoute)

_ANY = Reach(everywhere=True)
_RULES = ("OWN-13",)
_MORE = {"special_needs", "preferred_channel", "preferred_times", "language", "purchase_need"}


@router.get(
    "/units/{unit_id}/transfers",
    **reads(
        "units_transfers_list",
        "Transfers of a home (过户记录)",
        UnitNotFound,
        rules=_RULES,
        model=PageOf[TransferRead],
        paged=True,
    ),
)
async def units_transfers_list(principal: OwnersRead, reader: Reader, paging: PageParams, unit_id: UUID) -> Response:
    """Every transfer of a home, newest first."""
    unit = await properties.unit(reader, unit_id=unit_id)
    if not principal.may(READ, project_id=unit.project_id):
        raise UnitNotFound
    query = repository.transfers(unit_id=unit_id)
    page = await newest_first(reader, query=query, key=OwnershipTransfer.__table__.c.id, wanted=paging.wanted)
    begun = await repository.begun_by_all(reader, transfer_ids=[row.id for row in page.items])
    return paging.answer(page, show=lambda row: dict(row._mapping) | {"begun": begun[row.id]})


@router.post(
    "/units/{unit_id}/transfers",
    **writes(
        "units_transfers_create",
        "Transfer a home (办理过户)",
        UnitNotFound,
        transfers.NotASeller,
        transfers.SoldTooMuch,
        transfers.SharesUneven,
        transfers.SellerBuys,
        transfers.HeldLater,
        SharesExceeded,
        InvalidDocument,
        archive.DocumentMismatch,
        archive.OwnerExists,
        FileNotUsable,
        rules=_RULES,
        model=TransferRead,
    ),
)
async def units_transfers_create(
    principal: OwnersWrite, session: Tx, state: State, now: Now, response: Response, unit_id: UUID, body: TransferCreate
) -> TransferRead:
    """On one day the sellers' shares end and the buyers' begin: the whole home or a part, from several to several. A
    seller keeps what he does not sell; a buyer who has a share holds both as one. A buyer may be entered here. Open
    cases stay with the owner who has them; who sold everything reaches the home no more."""
    deal = Deal(
        on_date=body.on_date,
        sellers=[Sale(**one.model_dump()) for one in body.sellers],
        buyers=[_buyer(one) for one in body.buyers],
        contract_number=body.contract_number,
        contract_signed_on=body.contract_signed_on,
        payment_method=body.payment_method,
        note=body.note,
        evidence_file_ids=body.evidence_file_ids,
    )
    made = await transfers.transfer(
        session, unit_id=unit_id, deal=deal, keyring=state.keyring, principal=principal, now=now
    )
    response.headers["Location"] = f"/v1/units/{unit_id}/transfers"
    begun = await repository.begun_by_all(session, transfer_ids=[made.id])
    fields = {column.name: getattr(made, column.name) for column in OwnershipTransfer.__table__.c}
    return TransferRead.model_validate(fields | {"begun": begun[made.id]})


@router.patch(
    "/ownerships/{ownership_id}",
    **patches(
        "ownerships_update",
        "Complete a purchase contract (完善购房合同)",
        OwnershipNotFound,
        rules=("OWN-02", "OWN-13"),
        model=OwnershipRead,
    ),
)
async def ownerships_update(
    principal: OwnersWrite, session: Tx, now: Now, response: Response, if_match: IfMatch, ownership_id: UUID,
    body: OwnershipUpdate,
) -> OwnershipRead:  # fmt: skip
    """JSON Merge Patch of the contract's data: number, signing, payment, price, place, deposit, first payment. One
    that was submitted or filed goes back to draft and must be reviewed again."""
    ownership, unit = await filing.for_change(session, ownership_id=ownership_id, principal=principal)
    if_match.check(ownership.version)
    changes = body.model_dump(exclude_unset=True)
    await filing.update(session, ownership=ownership, unit=unit, changes=changes, principal=principal, now=now)
    return await ownership_answer(session, response, ownership_id=ownership_id, reach=_ANY, principal=principal)


def _step(name: str, summary: str, *refusals: Any) -> dict[str, Any]:
    """Declare a step of a contract's filing."""
    rules = FILING_LIFECYCLE.steps[name].rules
    operation = f"ownerships_{name}_create"
    return writes(operation, summary, OwnershipNotFound, WrongStatus, *refusals, rules=rules, model=OwnershipRead)


@router.post(
    "/ownerships/{ownership_id}/submission",
    **_step("submission", "Submit a contract for review (合同送审)", ContractIncomplete),
)
async def ownerships_submission_create(
    principal: OwnersWrite, session: Tx, now: Now, response: Response, ownership_id: UUID
) -> OwnershipRead:
    """The contract is complete and goes to review and filing (审核备案)."""
    await filing.step(session, name="submission", ownership_id=ownership_id, note=None, principal=principal, now=now)
    return await ownership_answer(session, response, ownership_id=ownership_id, reach=_ANY, principal=principal)


@router.post(
    "/ownerships/{ownership_id}/filing",
    **_step("filing", "File a contract (合同备案)", OwnContract, EmployeeRequired),
)
async def ownerships_filing_create(
    principal: OwnersVerify, session: Tx, now: Now, response: Response, ownership_id: UUID, body: FilingNote
) -> OwnershipRead:
    """Another person than who wrote or submitted it has reviewed the contract, and files it."""
    await filing.step(session, name="filing", ownership_id=ownership_id, note=body.note, principal=principal, now=now)
    return await ownership_answer(session, response, ownership_id=ownership_id, reach=_ANY, principal=principal)


@router.post(
    "/ownerships/{ownership_id}/return",
    **_step("return", "Return a contract (退回合同)", OwnContract, EmployeeRequired),
)
async def ownerships_return_create(
    principal: OwnersVerify, session: Tx, now: Now, response: Response, ownership_id: UUID, body: FilingReturn
) -> OwnershipRead:
    """The review found faults; the contract is mended and submitted again."""
    await filing.step(session, name="return", ownership_id=ownership_id, note=body.note, principal=principal, now=now)
    return await ownership_answer(session, response, ownership_id=ownership_id, reach=_ANY, principal=principal)


def _buyer(given: BuyerGiven) -> Buyer:
    new = None if given.new_owner is None else _new_owner(given.new_owner)
    return Buyer(owner_id=given.owner_id, new_owner=new, share_bp=given.share_bp, price_fen=given.price_fen)


def _new_owner(given: OwnerCreate) -> archive.NewOwner:
    return archive.NewOwner(
        name=given.name,
        sex=given.sex,
        birth_date=given.birth_date,
        document=None if given.document is None else (given.document.kind, given.document.number),
        home_address=given.home_address,
        occupation=given.occupation,
        preferences=given.preferences,
        phones=[(phone.number, phone.label) for phone in given.phones],
        homes=[],
        profile=given.model_dump(include=_MORE),
    )
