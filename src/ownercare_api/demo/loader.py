"""Loads the demonstration data set: one transaction, the same data on every run, nothing on the second one."""

import gc
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import func, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from ownercare_api.core.crypto import Keyring
from ownercare_api.core.database import Database
from ownercare_api.deadlines import calendars
from ownercare_api.deadlines.calendars import CalendarStore
from ownercare_api.demo import accounts, contracts, estate, history, homes, records, trades
from ownercare_api.demo.accounts import Staff
from ownercare_api.demo.bulk import Numbers, Sheet
from ownercare_api.demo.cases import Stage
from ownercare_api.demo.estate import FOUNDED, GROUP_CODE, PLANS, Estate
from ownercare_api.demo.people import PeopleFactory
from ownercare_api.demo.policy import DEMO_POLICY
from ownercare_api.demo.trades import Trades
from ownercare_api.policies import service as policies
from ownercare_api.policies.models import PolicyLevel
from ownercare_api.policies.service import ProjectPlace, ProjectTree, Snapshot
from ownercare_api.properties.models import Company
from ownercare_api.properties.service import policy_places
from ownercare_api.settlements import retention
from ownercare_api.tickets.models import Ticket

SEED = 20261120
Progress = Callable[[str], None]


class NotEmpty(RuntimeError):
    """The database holds companies or tickets of somebody else."""

    def __init__(self) -> None:
        super().__init__(
            "数据库中已有其他数据,不载入演示数据 / the database is not empty: demonstration data not loaded"
        )


@dataclass(frozen=True, slots=True)
class Summary:
    """What a load did: false when the data was there already. `counts` are rows, `seconds` how long it took."""

    loaded: bool
    counts: dict[str, int] = field(default_factory=dict)
    seconds: float = 0.0

    def __bool__(self) -> bool:
        return self.loaded


async def load(database: Database, *, keyring: Keyring, now: datetime, on_progress: Progress) -> Summary:
    """Load the demonstration data set unless it is there; `now` stamps the calendar only.

    Raises `NotEmpty` for a database with other companies or tickets. Several processes may call it at once.
    """
    began = time.monotonic()
    async with database.session() as session:
        if await _is_there(session):
            return Summary(loaded=False)
        # Whoever comes second waits here for the whole load; whoever is first computes between two statements.
        for limit in ("lock_timeout", "statement_timeout", "idle_in_transaction_session_timeout"):
            await session.execute(text(f"SET LOCAL {limit} = '180s'"))
        await session.execute(select(func.pg_advisory_xact_lock(func.hashtext("demo_load"))))
        if await _is_there(session):
            return Summary(loaded=False)
        await _must_be_empty(session)
        with _uncollected():
            counts = await _fill(session, keyring=keyring, now=now, on_progress=on_progress)
        await session.commit()
    seconds = time.monotonic() - began
    on_progress(f"演示数据已载入 / demonstration data loaded ({seconds:.1f} s)")
    return Summary(loaded=True, counts=counts, seconds=seconds)


@contextmanager
def _uncollected() -> Iterator[None]:
    """Let the garbage collector rest: the rows live to the end, and looking for cycles among them takes a second."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


async def _is_there(session: AsyncSession) -> bool:
    return await session.scalar(select(Company.id).where(Company.code == GROUP_CODE)) is not None


async def _must_be_empty(session: AsyncSession) -> None:
    for something in (select(Company.id).limit(1), select(Ticket.id).limit(1)):
        if await session.scalar(something) is not None:
            raise NotEmpty


async def _fill(session: AsyncSession, *, keyring: Keyring, now: datetime, on_progress: Progress) -> dict[str, int]:
    sheet, people = Sheet(seed=SEED), PeopleFactory(SEED)
    await calendars.seed(session, now=now)
    land = estate.build(sheet)
    partners = trades.enter_firms(sheet, keyring=keyring, people=people)
    staff = accounts.build(sheet, land, firms=partners.ids)
    clerk = staff["records_clerk"]
    estate.hand_over(sheet, land, clerk_id=clerk.id, clerk_name=clerk.name)
    works = trades.build(sheet, land, partners, staff)
    on_progress(f"房屋 {sum(map(len, land.homes.values())):,} / homes")
    owners = homes.build(sheet, land, keyring=keyring, people=people)
    on_progress(f"业主 {owners.count:,} / owners")
    contracts.build(sheet, land, staff)
    early = Numbers()
    records.build(sheet, early, land, owners, staff=staff, keyring=keyring)
    await early.give(session, sheet)
    counts = await sheet.write(session)
    snapshots = await _publish_policy(session, land, staff)
    await _open_retention(session, works, staff)
    on_progress(f"合同与保证金 {len(_contracts(works))} / contracts with retention")
    numbers = Numbers()
    history.build(
        Stage(
            sheet=sheet,
            numbers=numbers,
            keyring=keyring,
            calendar=await CalendarStore().get(session),
            snapshots=snapshots,
            estate=land,
            staff=staff,
            trades=works,
            owners=owners,
            people=people,
        )
    )
    await numbers.give(session, sheet)
    counts |= await sheet.write(session)
    on_progress(f"工单 {counts['ticket']:,} / tickets, 派工单 {counts['work_order']:,} / work orders")
    on_progress(f"全程记录 {counts['event']:,} / events, 时限 {counts['deadline']:,} / clocks")
    return counts


async def _publish_policy(session: AsyncSession, land: Estate, staff: Staff) -> dict[str, Snapshot]:
    """Publish the whole demo policy for the group from the founding on; returns what is in force, by project."""
    await policies.publish(
        session,
        level=PolicyLevel.GROUP,
        target_id=None,
        values=DEMO_POLICY,
        effective_from=FOUNDED,
        reason="发布集团客户服务政策值",
        tree=ProjectTree(places=policy_places),
        actor=staff.head_office(),
        now=FOUNDED,
    )
    found = {}
    for plan in PLANS:
        place = ProjectPlace(project_id=land.projects[plan.key], region_id=land.regions[plan.region])
        await policies.open_project(session, place=place, now=FOUNDED)
        found[plan.key] = await policies.in_force(session, project_id=place.project_id, at=FOUNDED)
    return found


def _contracts(works: Trades) -> dict[str, trades.Contract]:
    return {str(one.id): one for parts in works.contracts.values() for one in parts.values()}


async def _open_retention(session: AsyncSession, works: Trades, staff: Staff) -> None:
    """Open the retention account of every contract with all that it allows (FIN-11)."""
    for contract in _contracts(works).values():
        await retention.open_retention(
            session,
            contract_id=contract.id,
            opening_fen=contract.retention_fen,
            principal=staff.finance(),
            now=contract.accepted_at,
        )
