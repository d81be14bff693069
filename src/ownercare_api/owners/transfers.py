"""Use case: a home, or a share of it, goes from some owners to others on one day (产权转移, OWN-13).

One transaction: the sellers' shares end and the buyers' begin on the same day, and what is not sold goes on. Cases stay
with the owner who had them; who sold no longer reaches the home.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from ownercare_api.core.clock import business_date
from ownercare_api.core.crypto import Keyring
from ownercare_api.core.errors import Conflict, FieldError, Invalid
from ownercare_api.core.ids import uuid7
from ownercare_api.core.numbers import next_number
from ownercare_api.identity.principal import Principal
from ownercare_api.owners import archive, evidence
from ownercare_api.owners.models import Owner, Ownership
from ownercare_api.owners.models_changes import OwnershipTransfer
from ownercare_api.owners.ownerships import WHOLE, SharesExceeded, peak
from ownercare_api.owners.service import READ, WRITE, owner_for_change
from ownercare_api.properties import service as properties
from ownercare_api.properties.models import Unit
from ownercare_api.timeline import service as timeline


class NotASeller(Invalid):
    """422: a named ownership is not of this home, or does not hold on that day."""

    code = "not_a_seller"
    zh = "所填产权不属于该房屋,或在转移日并不有效。"
    en = "A named ownership is not of this home, or does not hold on that day."
    rules = ("OWN-13",)

    def __init__(self, place: int) -> None:
        super().__init__(errors=(FieldError(f"#/sellers/{place}", self.code, self.zh, self.en),))


class SoldTooMuch(Invalid):
    """422: a seller gives up more than he has."""

    code = "sold_too_much"
    zh, en = "转出份额超过其持有份额。", "A seller gives up more than he has."
    rules = ("OWN-13",)

    def __init__(self, place: int) -> None:
        super().__init__(errors=(FieldError(f"#/sellers/{place}/share_bp", self.code, self.zh, self.en),))


class SharesUneven(Invalid):
    """422: what the sellers give up is what the buyers get."""

    code = "shares_uneven"
    zh, en = "转出份额合计须等于受让份额合计。", "What is given up must be what is acquired."
    rules = ("OWN-13",)


class SellerBuys(Conflict):
    """409: nobody sells to himself."""

    code = "seller_buys"
    zh, en = "同一业主不能既转出又受让。", "Nobody sells to himself."
    rules = ("OWN-13",)


class HeldLater(Conflict):
    """409: somebody involved has a further share that begins later; sort that out first."""

    code = "share_begins_later"
    zh = "相关业主另有晚于转移日起算的产权记录,请先更正。"
    en = "Somebody involved has a share that begins after that day; correct it first."
    rules = ("OWN-13",)


@dataclass(frozen=True, slots=True)
class Sale:
    """A seller's ownership, and how much of it goes; None: all."""

    ownership_id: UUID
    share_bp: int | None


@dataclass(frozen=True, slots=True)
class Buyer:
    """Who acquires how much: somebody on record, or a new record."""

    owner_id: UUID | None
    new_owner: archive.NewOwner | None
    share_bp: int
    price_fen: int | None


@dataclass(frozen=True, slots=True)
class Deal:
    """A transfer as it was given."""

    on_date: date
    sellers: Sequence[Sale]
    buyers: Sequence[Buyer]
    contract_number: str | None
    contract_signed_on: date | None
    payment_method: str | None
    note: str | None
    evidence_file_ids: Sequence[UUID]


async def transfer(
    session: AsyncSession, *, unit_id: UUID, deal: Deal, keyring: Keyring, principal: Principal, now: datetime
) -> OwnershipTransfer:
    """Transfer a home or a share of it.

    Raises `UnitNotFound`, `OutOfReach`, `NotASeller`, `SoldTooMuch`, `SharesUneven`, `SellerBuys`, `HeldLater`,
    `SharesExceeded`, `OwnerNotFound`, `OwnerMerged`, `FileNotUsable`, and what `archive.register` raises.
    """
    known = await _lock_owners(session, unit_id=unit_id, deal=deal, principal=principal)
    unit = await properties.lock_unit(session, unit_id=unit_id)
    if not any(principal.may(scope, project_id=unit.project_id) for scope in (READ, WRITE, properties.READ)):
        raise properties.UnitNotFound
    principal.require(WRITE, project_id=unit.project_id)
    held = await _held(session, unit_id=unit_id)
    sold = _sold(held, deal)
    sellers = {held[one].owner_id for one in sold}
    if sum(sold.values()) != sum(buyer.share_bp for buyer in deal.buyers):
        raise SharesUneven
    if sellers & set(known):
        raise SellerBuys
    if any(one.from_date > deal.on_date and one.owner_id in sellers | set(known) for one in held.values()):
        raise HeldLater
    made = OwnershipTransfer(
        id=uuid7(),
        number=await next_number(session, kind="GH", day=business_date(now)),
        unit_id=unit_id,
        on_date=deal.on_date,
        contract_number=deal.contract_number,
        contract_signed_on=deal.contract_signed_on,
        note=deal.note,
        evidence_file_ids=list(deal.evidence_file_ids),
        ended_ids=[],
        recorded_by=principal.id,
        recorded_by_name=principal.name,
        recorded_at=now,
    )
    session.add(made)
    await session.flush()
    begun = _give_up(held, sold, transfer=made, now=now)
    begun += await _acquire(
        session,
        held,
        deal,
        transfer=made,
        project_id=unit.project_id,
        keyring=keyring,
        principal=principal,
        now=now,
    )
    session.add_all(begun)
    await session.flush()
    after = list((await _held(session, unit_id=unit_id)).values())
    if peak(after, since=deal.on_date) > WHOLE:
        raise SharesExceeded(left_bp=0)
    await evidence.check(
        session,
        file_ids=deal.evidence_file_ids,
        about=sellers | {one.owner_id for one in begun},
        project_ids=[unit.project_id],
        principal=principal,
        now=now,
    )
    await _record(session, made, begun, held, unit=unit, principal=principal, now=now)
    return made


async def _lock_owners(session: AsyncSession, *, unit_id: UUID, deal: Deal, principal: Principal) -> list[UUID]:
    """Lock owners before homes and in one order, as merges and purchases do; return the buyers on record."""
    sellers = select(Ownership.owner_id).where(
        Ownership.id.in_([sale.ownership_id for sale in deal.sellers]), Ownership.unit_id == unit_id
    )
    known = {buyer.owner_id for buyer in deal.buyers if buyer.owner_id is not None}
    everybody = select(Owner.id).where(Owner.id.in_({*known, *await session.scalars(sellers)}))
    await session.execute(everybody.order_by(Owner.id).with_for_update(key_share=True))
    for owner_id in sorted(known):
        await owner_for_change(session, owner_id=owner_id, principal=principal)
    return sorted(known)


async def _held(session: AsyncSession, *, unit_id: UUID) -> dict[UUID, Ownership]:
    query = select(Ownership).where(Ownership.unit_id == unit_id).order_by(Ownership.id)
    found = await session.scalars(query.with_for_update().execution_options(populate_existing=True))
    return {one.id: one for one in found}


def _sold(held: Mapping[UUID, Ownership], deal: Deal) -> dict[UUID, int]:
    """How much of each ownership goes."""
    sold: dict[UUID, int] = {}
    for place, sale in enumerate(deal.sellers):
        one = held.get(sale.ownership_id)
        if one is None or one.id in sold or one.from_date >= deal.on_date or one.to_date is not None:
            raise NotASeller(place)
        share = one.share_bp if sale.share_bp is None else sale.share_bp
        if share > one.share_bp:
            raise SoldTooMuch(place)
        sold[one.id] = share
    return sold


def _give_up(
    held: Mapping[UUID, Ownership], sold: Mapping[UUID, int], *, transfer: OwnershipTransfer, now: datetime
) -> list[Ownership]:
    """End what is sold; what a seller keeps goes on under the contract by which he got it."""
    rest = []
    for ownership_id, share in sold.items():
        one = held[ownership_id]
        _end(one, transfer=transfer, now=now)
        if share < one.share_bp:
            rest.append(_same_contract(one, share_bp=one.share_bp - share, transfer=transfer))
    return rest


async def _acquire(
    session: AsyncSession,
    held: Mapping[UUID, Ownership],
    deal: Deal,
    *,
    transfer: OwnershipTransfer,
    project_id: UUID,
    keyring: Keyring,
    principal: Principal,
    now: datetime,
) -> list[Ownership]:
    """Give the buyers their shares; one who has a share already holds both as one from that day on."""
    begun = []
    for buyer in deal.buyers:
        owner_id = buyer.owner_id
        if owner_id is None:
            assert buyer.new_owner is not None
            owner_id = (
                await archive.register(
                    session, new=buyer.new_owner, keyring=keyring, principal=principal, now=now, homes_follow=True
                )
            ).id
        share = buyer.share_bp
        for one in held.values():
            if one.owner_id == owner_id and one.to_date is None:
                if one.from_date >= deal.on_date:
                    raise HeldLater
                share += one.share_bp
                _end(one, transfer=transfer, now=now)
        begun.append(
            Ownership(
                id=uuid7(),
                owner_id=owner_id,
                unit_id=transfer.unit_id,
                share_bp=share,
                from_date=deal.on_date,
                contract_number=deal.contract_number,
                contract_signed_on=deal.contract_signed_on,
                payment_method=deal.payment_method,
                price_fen=buyer.price_fen,
                edited_by=principal.id,
                makers=sorted(principal.acting(WRITE, project_id=project_id)),
                transfer_id=transfer.id,
            )
        )
    return begun


def _end(one: Ownership, *, transfer: OwnershipTransfer, now: datetime) -> None:
    one.to_date, one.updated_at = transfer.on_date, now
    transfer.ended_ids = [*transfer.ended_ids, one.id]


_CONTRACT = (
    "contract_number", "contract_signed_on", "payment_method", "price_fen", "purchase_place", "deposit_fen",
    "first_payment_fen", "filing_status", "edited_by", "submitted_by", "submitted_at", "reviewed_by", "reviewed_at",
    "review_note", "makers", "payment_plan_id",
)  # fmt: skip


def _same_contract(one: Ownership, *, share_bp: int, transfer: OwnershipTransfer) -> Ownership:
    return Ownership(
        id=uuid7(),
        owner_id=one.owner_id,
        unit_id=one.unit_id,
        share_bp=share_bp,
        from_date=transfer.on_date,
        transfer_id=transfer.id,
        **{name: getattr(one, name) for name in _CONTRACT},
    )


async def _record(
    session: AsyncSession,
    made: OwnershipTransfer,
    begun: Sequence[Ownership],
    held: Mapping[UUID, Ownership],
    *,
    unit: Unit,
    principal: Principal,
    now: datetime,
) -> None:
    parts = [("ownership.ended", held[one]) for one in made.ended_ids]
    parts += [("ownership.started", one) for one in begun]
    for kind, one in parts:
        await timeline.record(
            session,
            kind=kind,
            subject_kind="owner",
            subject_id=one.owner_id,
            actor=principal,
            now=now,
            project_id=unit.project_id,
            rules=("OWN-13",),
            data={
                "ownership_id": str(one.id),
                "unit_id": str(unit.id),
                "share_bp": one.share_bp,
                "on": made.on_date.isoformat(),
                "transfer_id": str(made.id),
            },
        )
    await timeline.record(
        session,
        kind="unit.transferred",
        subject_kind="unit",
        subject_id=unit.id,
        actor=principal,
        now=now,
        project_id=unit.project_id,
        rules=("OWN-13",),
        data={"transfer_id": str(made.id), "number": made.number, "on": made.on_date.isoformat()},
    )
