"""Two at once, and a worker that dies in the middle: on a really committed database."""

import asyncio
import io
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession
from tests.conftest import FRIDAY_NOON, MASTER
from tests.exchange.conftest import add_homes
from tests.factories.org import make_org
from tests.factories.rosters import owner_row, workbook

from ownercare_api import wiring
from ownercare_api.core import jobs
from ownercare_api.core.crypto import Keyring
from ownercare_api.core.database import PooledDatabase
from ownercare_api.core.errors import Conflict
from ownercare_api.core.ids import uuid7
from ownercare_api.core.jobs import LEASE, Job, JobProgress, JobStatus
from ownercare_api.core.settings import Settings
from ownercare_api.exchange import imports, reading, rowbook
from ownercare_api.exchange import jobs as exchange_jobs
from ownercare_api.exchange.checking import Desk
from ownercare_api.exchange.lifecycle import ImportMode, ImportStatus, RosterKind
from ownercare_api.exchange.models import RosterImport
from ownercare_api.identity.models import Account, AccountKind, GrantLevel, RoleGrant
from ownercare_api.identity.principal import Principal
from ownercare_api.identity.service import load_person
from ownercare_api.owners import archive
from ownercare_api.owners.archive import NewOwner, OwnerExists
from ownercare_api.owners.documents import DocumentKind
from ownercare_api.owners.models import Owner, Ownership
from ownercare_api.owners.ownerships import Purchase
from ownercare_api.properties.models import Unit

TRIALS = 20
NOW = FRIDAY_NOON


class Stage:
    """A project with homes, a clerk, and the room's parts."""

    def __init__(self, database: PooledDatabase, desk: Desk, clerk: Principal, project_id: UUID) -> None:
        self.database, self.desk, self.clerk, self.project_id = database, desk, clerk, project_id
        self.handlers = exchange_jobs.handlers(desk)

    async def work(self, now: datetime = NOW) -> None:
        while await jobs.run_next(self.database, handlers=self.handlers, now=now):
            pass

    async def upload(self, content: bytes, *, mode: ImportMode = ImportMode.ALL_OR_NOTHING) -> UUID:
        async with self.database.session() as session:
            made = await imports.upload(
                session,
                content=io.BytesIO(content),
                name="名册.xlsx",
                kind=RosterKind.OWNERS,
                mode=mode,
                dry_run=False,
                project_id=self.project_id,
                vault=self.desk.vault,
                principal=self.clerk,
                now=NOW,
            )
            await session.commit()
        return made.id

    async def confirm(self, import_id: UUID) -> None:
        async with self.database.session() as session:
            await imports.confirm(session, import_id=import_id, principal=self.clerk, now=NOW)
            await session.commit()

    async def found(self, import_id: UUID) -> RosterImport:
        async with self.database.session() as session:
            return await session.get_one(RosterImport, import_id)

    async def owners(self) -> tuple[int, int]:
        async with self.database.session() as session:
            counts = [await session.scalar(select(func.count()).select_from(one)) for one in (Owner, Ownership)]
        return counts[0] or 0, counts[1] or 0

    async def units(self) -> list[Unit]:
        async with self.database.session() as session:
            query = select(Unit).where(Unit.project_id == self.project_id, Unit.address.like("% 1栋 %"))
            return list(await session.scalars(query.order_by(Unit.id)))


@pytest.fixture
async def stage(committed: PooledDatabase, tmp_path: Path) -> Stage:
    keyring = Keyring.from_master(MASTER)
    desk = wiring.exchange_desk(Settings(data_dir=tmp_path), keyring)
    async with committed.session() as session:
        org = await make_org(session, now=NOW)
        await add_homes(session, project_id=org.project.id, count=200)
        account = Account(
            id=uuid7(), kind=AccountKind.STAFF, username="clerk", name="资料员", post="records_clerk",
            department="customer_service",
        )  # fmt: skip
        session.add(account)
        await session.flush()
        grant = RoleGrant(
            id=uuid7(), account_id=account.id, role="records_clerk", level=GrantLevel.PROJECT, target_id=org.project.id
        )
        grant.starts_at = NOW - timedelta(days=1)
        session.add(grant)
        await session.flush()
        clerk = await load_person(session, account=account, session_id=None, directory=desk.directory, now=NOW)
        await session.commit()
    return Stage(committed, desk, clerk, org.project.id)


@pytest.mark.slow
async def test_of_two_confirmations_at_once_one_counts(stage: Stage) -> None:
    for trial in range(TRIALS):
        found = await stage.upload(workbook([owner_row(trial)]))
        await stage.work()
        answers = await asyncio.gather(*(stage.confirm(found) for _ in range(2)), return_exceptions=True)
        refused = [one for one in answers if one is not None]
        assert len(refused) == 1, (trial, answers)
        assert isinstance(refused[0], Conflict)
        await stage.work()
        assert (await stage.found(found)).status is ImportStatus.DONE
    async with stage.database.session() as session:
        applied = await session.scalar(select(func.count()).where(Job.kind == imports.APPLY))
    assert (applied, await stage.owners()) == (TRIALS, (TRIALS, TRIALS))


@pytest.mark.slow
async def test_the_same_file_taken_over_twice_at_once_makes_no_duplicates(stage: Stage) -> None:
    for trial in range(TRIALS):
        content = workbook([owner_row(place) for place in range(trial * 5, trial * 5 + 5)])
        mode = ImportMode.VALID_ROWS_ONLY if trial % 2 else ImportMode.ALL_OR_NOTHING
        both = [await stage.upload(content, mode=mode) for _ in range(2)]
        await stage.work()
        for one in both:
            await stage.confirm(one)
        await asyncio.gather(stage.work(), stage.work())
        await stage.work(NOW + timedelta(minutes=1))
        found = [await stage.found(one) for one in both]
        assert [one.status for one in found] == [ImportStatus.DONE] * 2
        assert sorted(str(one.counts) for one in found) == ["{'created': 5}", "{'unchanged': 5}"], trial
        assert await stage.owners() == (trial * 5 + 5, trial * 5 + 5)


@pytest.mark.slow
async def test_a_clerk_and_an_import_with_the_same_document(stage: Stage) -> None:
    """Whoever comes first opens the record; there is never a second one."""
    homes = await stage.units()
    for trial in range(TRIALS):
        row = owner_row(trial)
        found = await stage.upload(workbook([row]))
        await stage.work()
        await stage.confirm(found)
        home = next(unit for unit in homes if unit.number == owner_row(trial + 100)["unit_number"])
        new = NewOwner(
            name=row["name"], sex=None, birth_date=None, document=(DocumentKind.RESIDENT_ID, row["document_number"]),
            home_address=None, occupation=None, preferences=None, phones=[("+8613812341234", None)],
            homes=[Purchase(unit_id=home.id, share_bp=10_000, from_date=NOW.date())],
        )  # fmt: skip

        async def by_hand(new: NewOwner = new) -> None:
            async with stage.database.session() as session:
                await archive.register(session, new=new, keyring=stage.desk.keyring, principal=stage.clerk, now=NOW)
                await session.commit()

        answers = await asyncio.gather(stage.work(), by_hand(), return_exceptions=True)
        imported = (await stage.found(found)).status
        refused = isinstance(answers[1], OwnerExists)
        assert (imported, refused) in ((ImportStatus.DONE, True), (ImportStatus.REFUSED, False)), (trial, answers)
        async with stage.database.session() as session:
            index = stage.desk.keyring.blind_index(row["document_number"], column="owner.document")
            same = await session.scalar(select(func.count()).where(Owner.document_index == index))
        assert same == 1


class Killed(asyncio.CancelledError):
    """The process dies: no handler of ours runs."""


@asynccontextmanager
async def dying_at(monkeypatch: pytest.MonkeyPatch, *, piece: int) -> AsyncIterator[None]:
    """Let the worker die after it wrote so many pieces, before it could commit anything more."""
    seen = 0
    written = rowbook.change

    async def change(session: AsyncSession, **given: Any) -> None:
        nonlocal seen
        await written(session, **given)
        seen += 1
        if seen == piece:
            raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(rowbook, "change", change)
        patch.setattr(reading, "CHUNK", 10)
        yield


async def test_a_crash_leaves_nothing_of_all_or_nothing_and_the_next_run_does_it(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = await stage.upload(workbook([owner_row(place) for place in range(50)]))
    await stage.work()
    await stage.confirm(found)
    async with dying_at(monkeypatch, piece=3):
        with pytest.raises(Killed):
            await jobs.run_next(stage.database, handlers=stage.handlers, now=NOW)
    assert await stage.owners() == (0, 0)
    broken = await stage.found(found)
    assert (broken.status, broken.counts) == (ImportStatus.APPLYING, {"valid": 50})
    assert await jobs.run_next(stage.database, handlers=stage.handlers, now=NOW + LEASE) is True
    done = await stage.found(found)
    assert (done.status, done.counts, await stage.owners()) == (ImportStatus.DONE, {"created": 50}, (50, 50))


async def test_a_crash_between_pieces_goes_on_where_it_was(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    same = {key: owner_row(0)[key] for key in ("name", "document_number", "phone", "home_address", "occupation")}
    rows = [*(owner_row(place) for place in range(49)), owner_row(49, **same)]
    found = await stage.upload(workbook(rows), mode=ImportMode.VALID_ROWS_ONLY)
    await stage.work()
    await stage.confirm(found)
    async with dying_at(monkeypatch, piece=3):
        with pytest.raises(Killed):
            await jobs.run_next(stage.database, handlers=stage.handlers, now=NOW)
        assert await stage.owners() == (20, 20), "two pieces of ten were committed"
    async with stage.database.session() as session:
        job = await session.get_one(Job, (await stage.found(found)).apply_job_id)
        progress = await session.get_one(JobProgress, job.id)
    assert (job.status, progress.done, progress.total) == (JobStatus.RUNNING, 20, 50)
    assert await jobs.run_next(stage.database, handlers=stage.handlers, now=NOW + LEASE) is True
    done = await stage.found(found)
    assert (done.status, done.counts) == (ImportStatus.DONE, {"created": 49, "extended": 1})
    assert await stage.owners() == (49, 50)


@pytest.mark.parametrize(
    ("mode", "kept"), [(ImportMode.ALL_OR_NOTHING, (0, 0)), (ImportMode.VALID_ROWS_ONLY, (20, 20))]
)
async def test_cancelled_while_it_is_taken_over(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, mode: ImportMode, kept: tuple[int, int]
) -> None:
    found = await stage.upload(workbook([owner_row(place) for place in range(50)]), mode=mode)
    await stage.work()
    await stage.confirm(found)
    written, pieces = rowbook.change, 0

    async def change(session: AsyncSession, **given: Any) -> None:
        nonlocal pieces
        await written(session, **given)
        pieces += 1
        if pieces == 2:
            async with stage.database.session() as other:
                await imports.cancel(other, import_id=found, principal=stage.clerk, now=NOW)
                await other.commit()

    monkeypatch.setattr(rowbook, "change", change)
    monkeypatch.setattr(reading, "CHUNK", 10)
    await stage.work()
    ended = await stage.found(found)
    assert (ended.status, pieces, await stage.owners()) == (ImportStatus.CANCELLED, 2, kept)
    async with stage.database.session() as session:
        assert (await session.get_one(Job, ended.apply_job_id)).status is JobStatus.CANCELLED


async def test_a_job_that_fails_for_good_fails_its_import(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    found = await stage.upload(workbook([owner_row(0)]))

    async def broken(*_: Any, **__: Any) -> Mapping[str, Any]:
        raise RuntimeError("王秀英 13812341234")

    monkeypatch.setattr("ownercare_api.exchange.checking.rowbook.add", broken)
    now = NOW
    for _ in range(jobs.MAX_ATTEMPTS):
        await jobs.run_next(stage.database, handlers=stage.handlers, now=now)
        now += timedelta(hours=1)
    ended = await stage.found(found)
    assert ended.status is ImportStatus.FAILED
    async with stage.database.session() as session:
        job = await session.get_one(Job, ended.check_job_id)
    assert (job.status, job.last_error) == (JobStatus.FAILED, "RuntimeError")
