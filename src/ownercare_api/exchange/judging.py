"""What becomes of a row, before anything is written: one judge for the check and for the import itself.

A judge sees the rows of a file in their order, in chunks, and remembers what the ones before would bring about.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Protocol
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from ownercare_api.core.crypto import Keyring
from ownercare_api.exchange import register
from ownercare_api.exchange.entries import Entry, OwnerEntry, UnitEntry
from ownercare_api.exchange.faults import Fault
from ownercare_api.exchange.lifecycle import RowOutcome
from ownercare_api.exchange.register import Estate, KnownOwner, KnownShare
from ownercare_api.identity.principal import Reach
from ownercare_api.owners import sealing
from ownercare_api.owners.ownerships import WHOLE, peak

VALID, INVALID = RowOutcome.VALID, RowOutcome.INVALID


@dataclass(frozen=True, slots=True)
class ReadRow:
    """A row that was read: an entry, or faults."""

    number: int
    entry: Entry | None
    faults: tuple[Fault, ...]


@dataclass(slots=True)
class Person:
    """An owner as the file has it, who may stand in several rows."""

    row: int
    facts: bytes
    """Four bytes for each of `_FACTS`, zero where the row says nothing: there may be a hundred thousand of these."""
    owner_id: UUID | None = None
    units: tuple[tuple[UUID, int], ...] = ()
    """Homes with the rows that name them."""


@dataclass(slots=True)
class Verdict:
    """What becomes of a row."""

    row: ReadRow
    outcome: RowOutcome
    faults: tuple[Fault, ...] = ()
    owner_id: UUID | None = None
    unit_id: UUID | None = None
    person: Person | None = None
    met_id: UUID | None = None
    """An owner who is not told of, but whose being on record is: that too is a look."""


class Judge(Protocol):
    """Judges the rows of one file."""

    async def judge(self, session: AsyncSession, rows: Sequence[ReadRow]) -> list[Verdict]:
        """Return the verdicts on the next rows, in their order."""
        ...

    def written(self) -> None:
        """Forget what the judged rows would bring about: from now on the register says it."""
        ...


@dataclass(frozen=True, slots=True)
class _Pending:
    """A share that a row before would give away."""

    share_bp: int
    from_date: date
    to_date: date | None = None


_FACTS = ("name", "sex", "birth_date", "phone", "phone_2", "home_address", "occupation", "preferences")


class OwnerJudge:
    """Judges rows of owners with homes of one project, as far as somebody sees the register."""

    def __init__(self, estate: Estate, *, keyring: Keyring, reach: Reach) -> None:
        self._estate, self._keyring, self._reach = estate, keyring, reach
        self._people: dict[int, Person] = {}
        self._pending: dict[UUID, list[_Pending]] = {}

    def written(self) -> None:
        """Forget the shares that were pending."""
        self._pending.clear()

    async def judge(self, session: AsyncSession, rows: Sequence[ReadRow]) -> list[Verdict]:
        """Return the verdicts on the next rows: three statements for any number of them."""
        entries = [row.entry for row in rows if isinstance(row.entry, OwnerEntry)]
        units = {found for one in entries if (found := self._estate.unit(one.building, one.number)) is not None}
        shares = await register.shares(session, unit_ids=units)
        numbers = {one.document[1] for one in entries if one.document is not None}
        indexes = {
            index: number
            for number in numbers
            for index in self._keyring.blind_indexes(number, column=sealing.DOCUMENT)
        }
        holders = {share.owner_id for held in shares.values() for share in held}
        known = await register.owners(session, indexes=indexes, owner_ids=holders, reach=self._reach)
        return [self._verdict(row, shares=shares, known=known) for row in rows]

    def _verdict(self, row: ReadRow, *, shares: dict[UUID, list[KnownShare]], known: "register.KnownOwners") -> Verdict:
        entry = row.entry
        if not isinstance(entry, OwnerEntry):
            return Verdict(row, INVALID, row.faults)
        unit_id = self._estate.unit(entry.building, entry.number)
        if unit_id is None:
            return Verdict(row, INVALID, (Fault("unit_number", "unit_unknown"),))
        person, contradictions = self._person(row, entry)
        if contradictions:
            return Verdict(row, INVALID, contradictions, unit_id=unit_id)
        before = next((number for one, number in person.units if one == unit_id), None)
        if before is not None:
            return Verdict(row, INVALID, (Fault("unit_number", "repeated_in_file", before),), unit_id=unit_id)
        held = [one for one in shares.get(unit_id, ()) if one.to_date is None or one.to_date > entry.from_date]
        owner = self._on_record(entry, person, held=held, known=known)
        verdict = Verdict(row, VALID, unit_id=unit_id, person=person)
        if owner is not None:
            if not owner.visible or owner.restricted:
                code = "owner_restricted" if owner.visible else "owner_exists_elsewhere"
                return Verdict(row, INVALID, (Fault("document_number", code),), unit_id=unit_id, met_id=owner.id)
            person.owner_id = verdict.owner_id = owner.id
            if differing := self._differing(entry, owner):
                return _differs(verdict, differing)
            mine = next((one for one in held if one.owner_id == owner.id), None)
            if mine is not None:
                person.units += ((unit_id, row.number),)
                if differing := _differing_share(entry, mine):
                    return _differs(verdict, differing)
                verdict.outcome = RowOutcome.UNCHANGED
                return verdict
        return self._share(entry, verdict, held=held)

    def _share(self, entry: OwnerEntry, verdict: Verdict, *, held: Sequence[KnownShare]) -> Verdict:
        assert verdict.unit_id is not None
        assert verdict.person is not None
        pending = self._pending.setdefault(verdict.unit_id, [])
        others: Any = [*held, *pending]  # anything with a share and a time
        left = WHOLE - peak(others, since=entry.from_date) if others else WHOLE
        if entry.share_bp > left:
            verdict.outcome = INVALID
            sold = left <= 0
            verdict.faults = (Fault("unit_number", "unit_already_sold") if sold else Fault("share", "shares_exceeded"),)
            return verdict
        pending.append(_Pending(entry.share_bp, entry.from_date))
        verdict.person.units += ((verdict.unit_id, verdict.row.number),)
        return verdict

    def _person(self, row: ReadRow, entry: OwnerEntry) -> tuple[Person, tuple[Fault, ...]]:
        """Find who the row is about among the rows before: by document, else by name and first number."""
        document = "" if entry.document is None else "\0".join(entry.document)
        text = document or f"{entry.name}\0{entry.phones[0][0]}"
        key = self._keyring.lock_key(text, column="roster.document" if document else "roster.person")
        facts = (
            entry.name, entry.sex, entry.birth_date, entry.phones[0][0],
            entry.phones[1][0] if len(entry.phones) > 1 else None,
            entry.home_address, entry.occupation, entry.preferences,
        )  # fmt: skip
        digest = b"".join(map(_digest, facts))
        person = self._people.get(key)
        if person is None:
            person = self._people[key] = Person(row=row.number, facts=digest)
            return person, ()
        return person, tuple(
            Fault(column, "contradicts_row", person.row)
            for place, column in enumerate(_FACTS)
            if (mine := digest[place * 4 : place * 4 + 4]) != _NOTHING
            and mine != person.facts[place * 4 : place * 4 + 4]
        )

    def _on_record(
        self, entry: OwnerEntry, person: Person, *, held: Sequence[KnownShare], known: "register.KnownOwners"
    ) -> KnownOwner | None:
        """Find whom the register has for a row: by document, else a holder of the home of the same name."""
        if entry.document is not None and (found := known.by_number.get(entry.document[1])) is not None:
            return found
        for share in held:
            holder = known.by_id.get(share.owner_id)
            if holder is None or holder.name != entry.name:
                continue
            if entry.document is None or not holder.has_document:
                return holder
        return None

    def _differing(self, entry: OwnerEntry, owner: KnownOwner) -> list[str]:
        """Name the columns in which a row says something else than the record, or more."""
        found = [
            column
            for column, given, recorded in (
                ("name", entry.name, owner.name),
                ("sex", entry.sex, owner.sex),
                ("birth_date", entry.birth_date, owner.birth_date),
                ("occupation", entry.occupation, owner.occupation),
                ("preferences", entry.preferences, owner.preferences),
            )
            if given is not None and given != recorded
        ]
        if entry.document is not None and not owner.has_document:
            found.append("document_number")
        for column, (number, _) in zip(("phone", "phone_2"), entry.phones, strict=False):
            indexes = self._keyring.blind_indexes(number, column=sealing.PHONE)
            if owner.phone_indexes.isdisjoint(indexes):
                found.append(column)
        if entry.home_address is not None:
            sealed = owner.home_address_encrypted
            if sealed is None or self._keyring.decrypt(sealed, column=sealing.HOME_ADDRESS) != entry.home_address:
                found.append("home_address")
        return found


_NOTHING = bytes(4)


def _digest(fact: object) -> bytes:
    return _NOTHING if fact is None else (hash(fact) & 0xFFFFFFFF | 1).to_bytes(4)


def _differing_share(entry: OwnerEntry, mine: KnownShare) -> list[str]:
    return [
        column
        for column, given, recorded in (
            ("share", entry.share_bp, mine.share_bp),
            ("from_date", entry.from_date, mine.from_date),
            ("contract_number", entry.contract_number, mine.contract_number),
            ("contract_signed_on", entry.contract_signed_on, mine.contract_signed_on),
            ("payment_method", entry.payment_method, mine.payment_method),
            ("price", entry.price_fen, mine.price_fen),
        )
        if given is not None and given != recorded
    ]


def _differs(verdict: Verdict, columns: Collection[str]) -> Verdict:
    verdict.outcome = RowOutcome.NEEDS_CHANGE_REQUEST
    verdict.faults = tuple(Fault(column, "differs") for column in columns)
    return verdict


class UnitJudge:
    """Judges rows of buildings and homes of one project."""

    def __init__(self, estate: Estate) -> None:
        self._estate = estate
        self._rows: dict[tuple[str, str], int] = {}
        self._floors: dict[str, tuple[int, int]] = {}

    def written(self) -> None:
        """Nothing is pending: the estate is read once and homes are entered once."""

    async def judge(self, session: AsyncSession, rows: Sequence[ReadRow]) -> list[Verdict]:
        """Return the verdicts on the next rows."""
        ids = [
            found
            for row in rows
            if isinstance(row.entry, UnitEntry)
            and (found := self._estate.unit(row.entry.building, row.entry.number)) is not None
        ]
        known = await register.units(session, unit_ids=ids)
        return [self._verdict(row, known=known) for row in rows]

    def _verdict(self, row: ReadRow, *, known: dict[UUID, Any]) -> Verdict:
        entry = row.entry
        if not isinstance(entry, UnitEntry):
            return Verdict(row, INVALID, row.faults)
        key = register.key(entry.building), register.key(entry.number)
        before = self._rows.setdefault(key, row.number)
        if before != row.number:
            return Verdict(row, INVALID, (Fault("unit_number", "repeated_in_file", before),))
        if fault := self._building_fault(row, entry):
            return Verdict(row, INVALID, (fault,))
        unit_id = self._estate.unit(entry.building, entry.number)
        if unit_id is None:
            return Verdict(row, VALID)
        recorded = known[unit_id]
        differing = [
            column
            for column, given, stands in (
                ("floor", entry.floor, recorded.floor),
                ("house_type", entry.house_type, recorded.house_type),
                ("purchase_batch", entry.purchase_batch, recorded.purchase_batch),
                ("area", entry.area_cm2, recorded.area_cm2),
                ("address", entry.address, recorded.address),
            )
            if given is not None and given != stands
        ]
        verdict = Verdict(row, RowOutcome.UNCHANGED, unit_id=unit_id)
        return _differs(verdict, differing) if differing else verdict

    def _building_fault(self, row: ReadRow, entry: UnitEntry) -> Fault | None:
        """Check a building's floors against the register, and against the first row that names them."""
        name = register.key(entry.building)
        building = self._estate.building(entry.building)
        if building is not None:
            floors = building.floors
            if entry.building_floors not in (None, floors):
                return Fault("building_floors", "differs")
        else:
            if entry.building_floors is not None:
                first, said = self._floors.setdefault(name, (row.number, entry.building_floors))
                if said != entry.building_floors:
                    return Fault("building_floors", "contradicts_building", first)
            if name not in self._floors:
                return Fault("building_floors", "building_floors_missing")
            floors = self._floors[name][1]
        return Fault("floor", "floor_above_building") if entry.floor > floors else None

    def floors(self, building: str) -> int:
        """Return the floors of a building that is new."""
        return self._floors[register.key(building)][1]
