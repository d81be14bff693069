"""A checked roster is taken over: whole in one transaction, or its good rows in pieces that commit by themselves.

Every row is judged again under the locks that a clerk's registration takes, so that nothing that happened since the
check is overwritten, and a run that broke off goes on where it was.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import func, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from ownercare_api.core.jobs import JobCancelled, Run
from ownercare_api.exchange import register, rowbook, steps
from ownercare_api.exchange.checking import OWN_PLANS, Desk, authority, judge_of, lock, open_upload, refuse
from ownercare_api.exchange.entries import OwnerEntry, UnitEntry
from ownercare_api.exchange.judging import Judge, ReadRow, UnitJudge, Verdict
from ownercare_api.exchange.keeping import FileGone
from ownercare_api.exchange.lifecycle import IMPORTS, ImportMode, ImportStatus, RosterKind, RowOutcome
from ownercare_api.exchange.models import RosterImport, RosterRow
from ownercare_api.exchange.refusals import RosterRefused
from ownercare_api.exchange.register import Estate, KnownBuilding
from ownercare_api.identity.principal import SYSTEM, Principal
from ownercare_api.owners import bulk, document_lock
from ownercare_api.owners.archive import NewOwner
from ownercare_api.owners.ownerships import Purchase
from ownercare_api.properties import bulk as estates
from ownercare_api.properties.bulk import NewUnit
from ownercare_api.properties.models import Unit

_PATIENCE = (text("SET LOCAL lock_timeout = '5min'"), text("SET LOCAL statement_timeout = '5min'"))
"""An import may wait for another one."""
_TAKEN = (RowOutcome.CREATED, RowOutcome.EXTENDED, RowOutcome.UNCHANGED)


class _Overtaken(Exception):
    """The register changed since the check, so an all-or-nothing import takes nothing over."""


async def take_over(run: Run, args: Mapping[str, Any], now: datetime, *, desk: Desk) -> None:
    """Take a confirmed roster over."""
    import_id = UUID(args["import_id"])
    run.result = {"href": f"/v1/imports/{import_id}"}
    async with run.database.session() as session:
        found = await session.get_one(RosterImport, import_id)
        if found.status is not ImportStatus.APPLYING:
            return
        mode = found.mode
    try:
        if mode is ImportMode.ALL_OR_NOTHING:
            await _whole(run, import_id, desk=desk, now=now)
        else:
            await _piecewise(run, import_id, desk=desk, now=now)
    except JobCancelled:
        await _stop(run, import_id, now=now)
        raise
    except _Overtaken:
        await refuse(run.database, import_id=import_id, reason="register_changed", refusal=None, now=now)
    except (RosterRefused, FileGone) as refusal:
        reason = refusal.reason if isinstance(refusal, RosterRefused) else "file_gone"
        await refuse(run.database, import_id=import_id, reason=reason, refusal=refusal, now=now)


async def _whole(run: Run, import_id: UUID, *, desk: Desk, now: datetime) -> None:
    async with run.database.session() as session:
        found = await _begin(session, import_id=import_id)
        if found is None:
            return
        hand = await _Hand.of(session, found, desk=desk, now=now)
        rows = await open_upload(session, found, desk=desk, now=now)
        done = 0
        while chunk := await rows.take():
            verdicts = await hand.take(session, chunk)
            if not all(one.outcome in _TAKEN for one in verdicts):
                raise _Overtaken
            await rowbook.change(session, import_id=import_id, verdicts=verdicts)
            done += len(chunk)
            await run.progress(done=done, total=found.row_count)
        await _finish(session, found, desk=desk, now=now)
        await session.commit()


async def _piecewise(run: Run, import_id: UUID, *, desk: Desk, now: datetime) -> None:
    async with run.database.session() as session:
        found = await session.get_one(RosterImport, import_id)
        rows = await open_upload(session, found, desk=desk, now=now)
        estate = await register.estate(session, project_id=found.project_id)
    hand: _Hand | None = None
    done = 0
    while chunk := await rows.take():
        async with run.database.session() as session:
            locked = await _begin(session, import_id=import_id)
            if locked is None:
                return
            if hand is None:
                hand = await _Hand.of(session, locked, desk=desk, now=now, estate=estate)
            waiting = await rowbook.open_rows(session, import_id=import_id, numbers=[row.number for row in chunk])
            verdicts = await hand.take(session, chunk, only=waiting)
            written = [one for one in verdicts if one.row.number in waiting]
            await rowbook.change(session, import_id=import_id, verdicts=written)
            await session.commit()
        done += len(chunk)
        await run.progress(done=done, total=found.row_count)
    async with run.database.session() as session:
        locked = await _begin(session, import_id=import_id)
        if locked is not None:
            await _finish(session, locked, desk=desk, now=now)
        await session.commit()


async def _begin(session: AsyncSession, *, import_id: UUID) -> RosterImport | None:
    """Lock an import and what its kind must hold, in the order in which everybody does."""
    for statement in (*_PATIENCE, OWN_PLANS):
        await session.execute(statement)
    found = await lock(session, import_id=import_id)
    if found.status is not ImportStatus.APPLYING:
        return None
    if found.kind is RosterKind.UNITS:
        await estates.hold_project(session, project_id=found.project_id)
        return found
    await document_lock.every(session)
    wanted = select(RosterRow.unit_id).where(
        RosterRow.import_id == import_id, RosterRow.outcome == RowOutcome.VALID, RosterRow.unit_id.is_not(None)
    )
    if found.mode is ImportMode.ALL_OR_NOTHING:
        homes = select(Unit.id).where(Unit.id.in_(wanted)).order_by(Unit.id).with_for_update(key_share=True)
        await session.execute(select(func.count()).select_from(homes.subquery()))
    return found


async def _finish(session: AsyncSession, found: RosterImport, *, desk: Desk, now: datetime) -> None:
    found.counts = await rowbook.counts(session, import_id=found.id)
    workbook = await rowbook.keep_error_workbook(session, found, vault=desk.vault, now=now)
    found.error_file_id = found.error_file_id if workbook is None else workbook.id
    found.status = IMPORTS.check("completion", status=found.status, subject=found, actor=SYSTEM)
    found.finished_at = found.updated_at = now
    await session.flush()
    await steps.record(session, found, step="done", actor=SYSTEM, now=now, data=dict(found.counts))


async def _stop(run: Run, import_id: UUID, *, now: datetime) -> None:
    async with run.database.session() as session:
        found = await lock(session, import_id=import_id)
        if found.status is ImportStatus.APPLYING:
            found.status = IMPORTS.check("stop", status=found.status, subject=found, actor=SYSTEM)
            found.counts = await rowbook.counts(session, import_id=import_id)
            found.finished_at = found.updated_at = now
            await session.flush()
            await steps.record(session, found, step="cancelled", actor=SYSTEM, now=now, data=dict(found.counts))
        await session.commit()


class _Hand:
    """Judges rows and writes the good ones, as the person who confirmed the import."""

    def __init__(
        self, found: RosterImport, *, estate: Estate, judge: Judge, desk: Desk, principal: Principal, now: datetime
    ) -> None:
        self._found, self._estate, self._judge = found, estate, judge
        self._desk, self._principal, self._now = desk, principal, now

    @classmethod
    async def of(
        cls, session: AsyncSession, found: RosterImport, *, desk: Desk, now: datetime, estate: Estate | None = None
    ) -> "_Hand":
        """Make the hand of an import; raises `RosterRefused` where the authority is gone."""
        assert found.confirmed_by is not None
        principal = await authority(session, found, desk=desk, account_id=found.confirmed_by, now=now)
        # Read under the lock: of two rosters of homes the second sees what the first entered.
        if estate is None or found.kind is RosterKind.UNITS:
            estate = await register.estate(session, project_id=found.project_id)
        judge = judge_of(found.kind, estate=estate, desk=desk, principal=principal)
        return cls(found, estate=estate, judge=judge, desk=desk, principal=principal, now=now)

    async def take(
        self, session: AsyncSession, rows: Sequence[ReadRow], *, only: frozenset[int] | None = None
    ) -> list[Verdict]:
        """Judge the next rows and write those that bring something new, of `only` some where these are given."""
        verdicts = await self._judge.judge(session, rows)
        good = [one for one in verdicts if one.outcome is RowOutcome.VALID and (only is None or one.row.number in only)]
        if self._found.kind is RosterKind.UNITS:
            await self._units(session, good)
        else:
            await self._owners(session, good)
        self._judge.written()
        return verdicts

    async def _owners(self, session: AsyncSession, good: Sequence[Verdict]) -> None:
        by_person: dict[int, list[Verdict]] = defaultdict(list)
        further: list[Verdict] = []
        for one in good:
            assert one.person is not None
            if one.person.owner_id is not None:
                further.append(one)
            else:
                by_person[id(one.person)].append(one)
        groups = list(by_person.values())
        news = [_new_owner(group) for group in groups]
        ids = await bulk.register_all(
            session, news=news, keyring=self._desk.keyring, principal=self._principal, now=self._now
        )
        for group, owner_id in zip(groups, ids, strict=True):
            for one in group:
                assert one.person is not None
                one.person.owner_id = one.owner_id = owner_id
                one.outcome = RowOutcome.CREATED
        purchases = []
        for one in further:
            assert one.person is not None
            assert one.person.owner_id is not None
            one.owner_id, one.outcome = one.person.owner_id, RowOutcome.EXTENDED
            purchases.append((one.person.owner_id, _purchase(one)))
        if purchases:
            await bulk.acquire_all(session, purchases=purchases, principal=self._principal, now=self._now)

    async def _units(self, session: AsyncSession, good: Sequence[Verdict]) -> None:
        judge = self._judge
        assert isinstance(judge, UnitJudge)
        entries = [(one, one.row.entry) for one in good if isinstance(one.row.entry, UnitEntry)]
        missing: dict[str, tuple[str, int]] = {}
        for _, entry in entries:
            if self._estate.building(entry.building) is None:
                missing.setdefault(register.key(entry.building), (entry.building, judge.floors(entry.building)))
        if missing:
            made = await estates.add_buildings(
                session,
                project_id=self._found.project_id,
                buildings=list(missing.values()),
                principal=self._principal,
                now=self._now,
            )
            for name, floors in missing.values():
                self._estate.put_building(KnownBuilding(made[name], name, floors))
        units = [self._new_unit(entry) for _, entry in entries]
        if not units:
            return
        ids = await estates.add_units(
            session, project=self._estate.project, units=units, principal=self._principal, now=self._now
        )
        for (one, _), unit_id in zip(entries, ids, strict=True):
            one.unit_id, one.outcome = unit_id, RowOutcome.CREATED

    def _new_unit(self, entry: UnitEntry) -> NewUnit:
        building = self._estate.building(entry.building)
        assert building is not None
        return NewUnit(
            building_id=building.id,
            building_name=building.name,
            number=entry.number,
            floor=entry.floor,
            house_type=entry.house_type,
            purchase_batch=entry.purchase_batch,
            area_cm2=entry.area_cm2,
            address=entry.address,
        )


def _new_owner(group: Sequence[Verdict]) -> NewOwner:
    entry = group[0].row.entry
    assert isinstance(entry, OwnerEntry)
    return NewOwner(
        name=entry.name,
        sex=entry.sex,
        birth_date=entry.birth_date,
        document=entry.document,
        home_address=entry.home_address,
        occupation=entry.occupation,
        preferences=entry.preferences,
        phones=entry.phones,
        homes=[_purchase(one) for one in group],
    )


def _purchase(one: Verdict) -> Purchase:
    entry = one.row.entry
    assert isinstance(entry, OwnerEntry)
    assert one.unit_id is not None
    return Purchase(
        unit_id=one.unit_id,
        share_bp=entry.share_bp,
        from_date=entry.from_date,
        contract_number=entry.contract_number,
        contract_signed_on=entry.contract_signed_on,
        payment_method=entry.payment_method,
        price_fen=entry.price_fen,
    )
