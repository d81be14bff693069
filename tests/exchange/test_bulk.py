"""Thousands at once by the rules of one at a time: the same rows, the same events, the same refusals."""

import random
from collections.abc import Sequence
from datetime import date
from typing import Any
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from tests.conftest import FakeClock
from tests.factories.org import Org
from tests.factories.people import Actor
from tests.factories.rosters import mobile, name, resident_number

from ownercare_api.core.database import Base
from ownercare_api.core.errors import DomainError
from ownercare_api.core.http.state import AppState
from ownercare_api.owners import archive, bulk, ownerships, sealing
from ownercare_api.owners.archive import NewOwner
from ownercare_api.owners.documents import DocumentKind, Sex
from ownercare_api.owners.models import Owner, OwnerPhone, Ownership
from ownercare_api.owners.ownerships import Purchase
from ownercare_api.properties.service import UnitNotFound
from ownercare_api.timeline.models import Event

_SEALED = {
    "number_encrypted": sealing.PHONE, "document_encrypted": sealing.DOCUMENT,
    "home_address_encrypted": sealing.HOME_ADDRESS,
}  # fmt: skip


_LABELS: list[list[str | None]] = [["本人"], [None, "家里"]]


@st.composite
def new_owners(draw: st.DrawFn) -> list[tuple[NewOwner, list[int]]]:
    """Draw owners with the places of their homes; shares that may exceed the whole, documents that may repeat."""
    made = []
    for _ in range(draw(st.integers(1, 6))):
        rng = random.Random(draw(st.integers(0, 5)))
        kind = draw(st.sampled_from([None, DocumentKind.RESIDENT_ID, DocumentKind.PASSPORT]))
        number = (
            resident_number(rng, female=True) if kind is DocumentKind.RESIDENT_ID else f"e{rng.randrange(10**8):08d}"
        )
        places = draw(st.lists(st.integers(0, 5), max_size=3, unique=True))
        made.append(
            (
                NewOwner(
                    name=name(rng),
                    sex=draw(st.sampled_from([None, Sex.FEMALE, Sex.MALE])),
                    birth_date=draw(st.sampled_from([None, date(1985, 3, 7)])),
                    document=None if kind is None else (kind, number),
                    home_address=draw(st.sampled_from([None, "临澜市滨江区江晖路 12 号"])),
                    occupation=draw(st.sampled_from([None, "教师"])),
                    preferences=draw(st.sampled_from([None, "上门前请先电话联系"])),
                    phones=[(f"+86{mobile(rng)}", label) for label in draw(st.sampled_from(_LABELS))],
                    homes=[
                        Purchase(
                            unit_id=UUID(int=0),  # filled in by the test
                            share_bp=draw(st.sampled_from([10_000, 5_000, 1])),
                            from_date=draw(st.sampled_from([date(2025, 6, 30), date(2026, 1, 1)])),
                            contract_number=draw(st.sampled_from([None, "HT-1"])),
                            price_fen=draw(st.sampled_from([None, 268_000_000])),
                        )
                        for _ in places
                    ],
                ),
                places,
            )
        )
    return made


async def as_stored(session: AsyncSession, state: AppState) -> list[Any]:
    """Return all rows without what differs from one run to the next: ids become their places, ciphertext clear text."""
    places: dict[Any, str] = {}

    def told(table: type[Base], column: Any, value: Any, order: int) -> Any:
        if column.name in ("created_at", "updated_at", "seq", "xid"):
            return None
        if column.name in _SEALED and value is not None:
            return state.keyring.decrypt(bytes(value), column=_SEALED[column.name])
        if column.name == "id":
            return places.setdefault(value, f"{table.__tablename__} {order}")
        if column.name == "data":
            return {key: _uuid(one, places) for key, one in value.items()}
        return places.get(value, value) if column.name.endswith("_id") else value

    found = []
    for table in (Owner, OwnerPhone, Ownership, Event):
        key = table.__table__.c.seq if table is Event else table.__table__.c.id
        rows = (await session.execute(select(*table.__table__.c).order_by(key))).all()
        for order, row in enumerate(rows):
            columns = list(table.__table__.c)
            found.append([told(table, column, value, order) for column, value in zip(columns, row, strict=True)])
    return found


def _uuid(value: Any, places: dict[Any, str]) -> Any:
    return next((place for one, place in places.items() if str(one) == value), value)


@pytest.mark.rule("OWN-04", "OWN-13")
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(drawn=new_owners())
async def test_one_at_a_time_and_all_at_once_are_the_same(
    drawn: Sequence[tuple[NewOwner, list[int]]],
    session: AsyncSession,
    state: AppState,
    clerk: Actor,
    org: Org,
    clock: FakeClock,
) -> None:
    assert clerk.principal is not None
    news = [
        archive.NewOwner(
            **{
                **{field: getattr(new, field) for field in ("name", "sex", "birth_date", "document", "home_address")},
                **{field: getattr(new, field) for field in ("occupation", "preferences", "phones")},
                "homes": [
                    Purchase(**{**_fields(home), "unit_id": org.units[place].id})
                    for home, place in zip(new.homes, places, strict=True)
                ],
            }
        )
        for new, places in drawn
    ]
    given_to: dict[str, Any] = {"keyring": state.keyring, "principal": clerk.principal, "now": clock()}
    outcomes: list[Any] = []
    for all_at_once in (False, True):
        savepoint = await session.begin_nested()
        try:
            if all_at_once:
                await bulk.register_all(session, news=news, **given_to)
            else:
                for new in news:
                    await archive.register(session, new=new, **given_to)
            outcomes.append(await as_stored(session, state))
        except DomainError as refusal:
            outcomes.append(refusal.code)
        await savepoint.rollback()
        session.expunge_all()
    one_by_one, at_once = outcomes
    if isinstance(one_by_one, str):
        # Which of several faults is met first is not the same; that all is refused is.
        assert isinstance(at_once, str)
    else:
        assert isinstance(at_once, list), at_once
        assert sorted(map(str, at_once)) == sorted(map(str, one_by_one))


def _fields(home: Purchase) -> dict[str, Any]:
    return {name: getattr(home, name) for name in home.__dataclass_fields__}


async def test_further_shares_keep_the_rules(
    session: AsyncSession, state: AppState, clerk: Actor, org: Org, clock: FakeClock
) -> None:
    assert clerk.principal is not None
    given_to: dict[str, Any] = {"principal": clerk.principal, "now": clock()}
    first, second = await bulk.register_all(
        session,
        news=[
            NewOwner("王秀英", None, None, None, None, None, None, [("+8613812341234", None)], [_half(org, 0)]),
            NewOwner("李敏", None, None, None, None, None, None, [("+8613812341235", None)], [_half(org, 1)]),
        ],
        keyring=state.keyring,
        **given_to,
    )
    await bulk.acquire_all(session, purchases=[(second, _half(org, 0))], **given_to)
    before = len(list(await session.scalars(select(Ownership.id))))
    for owner_id, place, refusal in (
        (first, 0, ownerships.AlreadyHolds),
        (first, 1, None),
        (first, 1, ownerships.AlreadyHolds),
    ):
        if refusal is None:
            await bulk.acquire_all(session, purchases=[(owner_id, _half(org, place))], **given_to)
        else:
            with pytest.raises(refusal):
                await bulk.acquire_all(session, purchases=[(owner_id, _half(org, place))], **given_to)
    with pytest.raises(ownerships.UnitAlreadySold):
        await bulk.register_all(
            session,
            news=[NewOwner("赵敏", None, None, None, None, None, None, [("+8613812341236", None)], [_half(org, 0)])],
            keyring=state.keyring,
            **given_to,
        )
    missing = Purchase(unit_id=first, share_bp=1, from_date=date(2025, 6, 30))
    with pytest.raises(UnitNotFound):
        await bulk.acquire_all(session, purchases=[(first, missing)], **given_to)
    assert len(list(await session.scalars(select(Ownership.id)))) == before + 1


def _half(org: Org, place: int) -> Purchase:
    return Purchase(unit_id=org.units[place].id, share_bp=5_000, from_date=date(2025, 6, 30))
