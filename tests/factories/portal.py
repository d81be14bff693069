"""Owners who are logged in: two neighbours, a co-owner and a former owner of the first one's home."""

from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession
from tests.factories.cases import Cast, make_cast
from tests.factories.org import Org, make_org
from tests.factories.owners import add_ownership, make_owner
from tests.factories.people import Actor, Desk

from ownercare_api.core.crypto import Keyring
from ownercare_api.core.ids import uuid7
from ownercare_api.owners.models import Owner
from ownercare_api.properties.models import Unit
from ownercare_api.tickets.lifecycle import Category, Channel, Domain, TicketStatus
from ownercare_api.tickets.models import Ticket

SOLD = date(2025, 6, 30)
"""When the former owner handed the first home on to the two who have it now."""


@dataclass
class Login:
    """An owner with a token."""

    record: Owner
    actor: Actor

    @property
    def id(self) -> UUID:
        """Return the owner's id."""
        return self.record.id

    @property
    def headers(self) -> dict[str, str]:
        """Return the request headers."""
        return self.actor.headers


@dataclass
class Neighbours:
    """Home 0 belongs to `anna` and `carl`, half each, and was `fred`'s before; home 1 is `ben`'s; home 2 nobody's."""

    org: Org
    cast: Cast
    anna: Login
    carl: Login
    fred: Login
    ben: Login

    @property
    def home(self) -> Unit:
        """Return the first home."""
        return self.org.units[0]

    @property
    def other_home(self) -> Unit:
        """Return the neighbour's home."""
        return self.org.units[1]


async def make_neighbours(session: AsyncSession, people: Desk, keyring: Keyring, *, now: datetime) -> Neighbours:
    """Make the project, its people and four owners who are logged in."""
    org = await make_org(session, now=now, units=3)
    cast = await make_cast(session, people, now=now, org=org)
    anna = await make_owner(
        session, keyring, name="王秀英", phone="13812341234", document_number="330106198503078528", share_bp=5000,
        units=[org.units[0]],
    )  # fmt: skip
    carl = await make_owner(session, keyring, name="陈志强", phone="13812345678", share_bp=5000, units=[org.units[0]])
    fred = await make_owner(session, keyring, name="周国平", phone="13900001111")
    await add_ownership(session, owner=fred, unit=org.units[0], from_date=date(2023, 1, 1), to_date=SOLD)
    ben = await make_owner(session, keyring, name="李建国", phone="13900002222", units=[org.units[1]])
    return Neighbours(
        org=org,
        cast=cast,
        anna=Login(anna, await people.owner(anna.id)),
        carl=Login(carl, await people.owner(carl.id)),
        fred=Login(fred, await people.owner(fred.id)),
        ben=Login(ben, await people.owner(ben.id)),
    )


async def make_case(
    session: AsyncSession,
    org: Org,
    *,
    unit: Unit | None,
    owner: Login | None,
    received_at: datetime,
    status: TicketStatus = TicketStatus.ACCEPTED,
    category: Category = Category.COMPLAINT,
) -> Ticket:
    """Insert a case, without its events and clocks."""
    made = uuid7()
    ticket = Ticket(
        id=made,
        number=f"TS-20261120-{made.hex[-8:]}",
        project_id=org.project.id,
        unit_id=None if unit is None else unit.id,
        owner_id=None if owner is None else owner.id,
        domain=Domain.OWNER_HOME,
        category=category,
        channel=Channel.HOTLINE,
        status=status,
        title="楼道灯不亮",
        description="三楼楼道灯坏了两周。",
        demand="尽快修好",
        urgent=False,
        claim_fen=30_000,
        caller_name="来电人",
        caller_phone_masked="138****1234",
        received_at=received_at,
        registered_by=uuid7(),
        policy_snapshot_id=org.snapshot.id,
    )
    session.add(ticket)
    await session.flush()
    return ticket


_BESIDE = frozenset({"alembic_version", "denial", "throttle"})
"""Refusals are put on record and counted; nothing else may change."""


async def rows(session: AsyncSession) -> dict[str, tuple[int, int]]:
    """Return the number of rows and the sum of versions of every table, to prove that a refusal changed nothing."""
    found = await session.execute(
        text(
            "SELECT t.tablename, EXISTS (SELECT 1 FROM information_schema.columns c WHERE c.table_name = t.tablename"
            " AND c.column_name = 'version' AND c.data_type = 'integer') AS versioned"
            " FROM pg_tables t WHERE t.schemaname = 'public' ORDER BY 1"
        )
    )
    tables = [(row.tablename, row.versioned) for row in found if row.tablename not in _BESIDE]
    parts = [
        f"SELECT '{name}' AS name, count(*) AS rows, {'coalesce(sum(version), 0)' if versioned else '0'} AS versions"
        f" FROM {name}"
        for name, versioned in tables
    ]
    counted = await session.execute(text(" UNION ALL ".join(parts)))
    return {row.name: (int(row.rows), int(row.versions)) for row in counted}
