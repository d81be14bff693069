"""Rotation of the field keys while readers and writers go on."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select, text, update
from tests.conftest import MASTER
from tests.factories.owners import add_phone, make_owner

from ownercare_api.core import field_keys
from ownercare_api.core.crypto import Keyring, KeyState
from ownercare_api.core.database import PooledDatabase
from ownercare_api.core.field_keys import FieldKeyRow, KeysSpent, RotationRunning
from ownercare_api.owners import sealing
from ownercare_api.owners.models import Owner, OwnerPhone
from ownercare_api.privacy.columns import ENCRYPTED

OWNERS = 300
SETTLE = timedelta(seconds=0.4)
REFRESH = 0.05


def number_of(place: int) -> str:
    return f"139{place:08}"


async def _owners(database: PooledDatabase) -> None:
    ring = Keyring.from_master(MASTER)
    async with database.session() as session:
        for place in range(OWNERS):
            await make_owner(
                session, ring, name=f"业主{place}", phone=number_of(place), home_address=f"江晖路 {place} 号"
            )
        await session.commit()


class Process:
    """A process with a ring of its own, as an API worker has."""

    def __init__(self, database: PooledDatabase) -> None:
        self.database, self.ring = database, Keyring.from_master(MASTER)
        self.searched = self.written = 0

    async def read(self, stop: asyncio.Event) -> None:
        """Search by whole number and decrypt, again and again."""
        place = 0
        while not stop.is_set():
            place = (place + 7) % OWNERS
            wanted = "+86" + number_of(place)
            indexes = self.ring.blind_indexes(wanted, column=sealing.PHONE)
            async with self.database.reader() as connection:
                row = (
                    await connection.execute(
                        select(OwnerPhone.number_encrypted, Owner.home_address_encrypted)
                        .join(Owner, Owner.id == OwnerPhone.owner_id)
                        .where(OwnerPhone.number_index.in_(indexes))
                    )
                ).one()  # exactly one, at every moment
            assert self.ring.decrypt(bytes(row.number_encrypted), column=sealing.PHONE) == wanted
            assert self.ring.decrypt(bytes(row.home_address_encrypted), column=sealing.HOME_ADDRESS) != ""
            self.searched += 1

    async def write(self, stop: asyncio.Event) -> None:
        """Change addresses, which the rotation is rewriting meanwhile, and add owners."""
        place = 0
        while not stop.is_set():
            place += 1
            async with self.database.session() as session:
                row = await session.scalar(select(Owner).where(Owner.name == f"业主{place % OWNERS}").with_for_update())
                assert row is not None
                row.home_address_encrypted = self.ring.encrypt(f"新址 {place}", column=sealing.HOME_ADDRESS)
                if place % 5 == 0:
                    await add_phone(session, self.ring, owner=row, phone=f"137{place:08}")
                await session.commit()
            self.written += 1
            await asyncio.sleep(0)


@pytest.mark.slow
@pytest.mark.rule("OWN-15")
async def test_readers_and_writers_go_on_through_a_whole_rotation(committed: PooledDatabase) -> None:
    await _owners(committed)
    async with committed.reader() as connection:
        before = sum((await connection.execute(select(Owner.version))).scalars())
    processes = [Process(committed) for _ in range(3)]
    worker = Keyring.from_master(MASTER)
    stop = asyncio.Event()
    async with asyncio.TaskGroup() as group, asyncio.timeout(60):
        for one in processes:
            group.create_task(_live(one, stop, writes=one is processes[0]))
        await asyncio.sleep(0.2)
        async with committed.session() as session:
            assert await field_keys.prepare(session, keyring=worker, now=datetime.now(UTC)) == 2
            await session.commit()
        while True:
            done = await field_keys.advance(
                committed, keyring=worker, columns=ENCRYPTED, now=datetime.now(UTC), settle=SETTLE
            )
            if done is None:
                break
            await asyncio.sleep(0.05)
        await asyncio.sleep(0.2)
        stop.set()
    print(f"{sum(one.searched for one in processes)} searches, {processes[0].written} writes meanwhile, none lost")
    assert all(one.searched > 20 for one in processes)
    assert processes[0].written > 20
    async with committed.reader() as connection:
        keys = {row.id: row.state for row in (await connection.execute(select(FieldKeyRow.__table__))).all()}
        assert keys == {1: KeyState.RETIRED, 2: KeyState.ACTIVE}
        counts = await field_keys.used_by(connection, columns=ENCRYPTED)
        assert set(counts[("owner", "home_address_encrypted")]) == {2}
        assert set(counts[("owner_phone", "number_encrypted")]) == {2}
        await field_keys.load(connection, keyring=worker)
        for row in (await connection.execute(select(OwnerPhone.number_encrypted, OwnerPhone.number_index))).all():
            number = worker.decrypt(bytes(row.number_encrypted), column=sealing.PHONE)
            assert worker.blind_indexes(number, column=sealing.PHONE) == [bytes(row.number_index)]
        # Rewriting is no change of the record: only the writers raised versions.
        after = sum((await connection.execute(select(Owner.version))).scalars())
    assert after - before == processes[0].written


async def _live(process: Process, stop: asyncio.Event, *, writes: bool) -> None:
    async with field_keys.kept_fresh(process.database, keyring=process.ring, seconds=REFRESH):
        await asyncio.gather(process.read(stop), *([process.write(stop)] if writes else []))


async def test_a_row_that_somebody_holds_is_rewritten_later_and_a_fresh_value_wins(committed: PooledDatabase) -> None:
    ring = Keyring.from_master(MASTER)
    now = datetime(2026, 11, 20, tzinfo=UTC)
    async with committed.session() as session:
        first, _ = [(await make_owner(session, ring, name=name, phone=None, home_address="旧址")).id for name in "甲乙"]
        await session.commit()
        await field_keys.prepare(session, keyring=ring, now=now)
        await session.commit()
        with pytest.raises(RotationRunning):
            await field_keys.prepare(session, keyring=ring, now=now)
        await session.rollback()
        assert await field_keys.activate(session, now=now, settle=timedelta(seconds=1)) is False
        assert await field_keys.activate(session, now=now + timedelta(seconds=1), settle=timedelta(seconds=1)) is True
        await session.commit()
        await field_keys.load(session, keyring=ring)
        await session.commit()
    addresses = [one for one in ENCRYPTED if one.column == "home_address_encrypted"]
    async with committed.session() as holder:
        held = await holder.get(Owner, first, with_for_update=True)
        assert held is not None
        assert await field_keys.rewrite(committed, keyring=ring, columns=addresses) == 1
        async with committed.session() as session:
            assert (await field_keys.progress(session, columns=addresses)).rows_left == 1
            late = now + timedelta(days=1)
            assert await field_keys.retire(session, columns=addresses, now=late) is False
        held.home_address_encrypted = ring.encrypt("新址", column=sealing.HOME_ADDRESS)
        await holder.commit()
    assert await field_keys.rewrite(committed, keyring=ring, columns=addresses) == 0
    async with committed.session() as session:
        assert await field_keys.retire(session, columns=addresses, now=late) is True
        await session.commit()
        found = await session.scalars(select(Owner.home_address_encrypted).order_by(Owner.name.desc()))
        clear = [ring.decrypt(bytes(one or b""), column=sealing.HOME_ADDRESS) for one in found]
        assert sorted(clear) == ["新址", "旧址"]


async def test_a_process_without_the_key_learns_it_and_ids_run_out_in_words(committed: PooledDatabase) -> None:
    ring, other = Keyring.from_master(MASTER), Keyring.from_master(MASTER)
    now = datetime(2026, 11, 20, tzinfo=UTC)
    for _ in range(3):
        async with committed.session() as session:
            await field_keys.prepare(session, keyring=ring, now=now)
            await session.commit()
        now += timedelta(minutes=1)
        assert await field_keys.advance(committed, keyring=ring, columns=ENCRYPTED, now=now) is not None
        now += timedelta(minutes=1)
        assert await field_keys.advance(committed, keyring=ring, columns=ENCRYPTED, now=now) is not None
        assert await field_keys.advance(committed, keyring=ring, columns=ENCRYPTED, now=now) is None
    assert ring.key_id == 4
    async with committed.session() as session:
        await field_keys.load(session, keyring=other)
        assert other.decrypt(ring.encrypt("x", column="a.b"), column="a.b") == "x"
        await session.execute(update(FieldKeyRow).where(FieldKeyRow.id == 4).values(id=255))
        with pytest.raises(KeysSpent):
            await field_keys.prepare(session, keyring=ring, now=now)
        await session.rollback()
        assert await session.scalar(text("SELECT count(*) FROM field_key WHERE state = 'active'")) == 1
