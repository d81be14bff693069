"""One case of the history, step by step: rows, clocks and events as the rooms themselves would have written them."""

import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, TypeVar
from uuid import UUID

from ownercare_api.core.crypto import Keyring
from ownercare_api.core.phones import mask_phone
from ownercare_api.deadlines.calendar import WorkingCalendar
from ownercare_api.deadlines.clocks import ClockRule, plan
from ownercare_api.deadlines.due import HeldInterval
from ownercare_api.deadlines.models import ClockKind, Deadline
from ownercare_api.demo.accounts import Actor, Staff
from ownercare_api.demo.bulk import Numbers, Row, Sheet
from ownercare_api.demo.estate import END, Estate, Home
from ownercare_api.demo.homes import Owners, Resident
from ownercare_api.demo.moments import Pace
from ownercare_api.demo.people import PeopleFactory
from ownercare_api.demo.trades import Trades
from ownercare_api.identity.principal import SYSTEM
from ownercare_api.policies.service import Snapshot
from ownercare_api.tickets import clocks as ticket_clocks
from ownercare_api.tickets.lifecycle import LIFECYCLE, Category, Channel, Domain, TicketStatus
from ownercare_api.tickets.models import ContactKind, OwnerContact, RegisterEntry, Ticket, TicketFirm
from ownercare_api.tickets.registration import OWNER_PHONE_INDEX, PHONE_COLUMN
from ownercare_api.timeline.models import Event

T = TypeVar("T")

NOBODY = Actor(id=SYSTEM.id, name=SYSTEM.name, kind=SYSTEM.kind, department=None, firm_id=None)
"""The system as the actor of what happens by itself."""


class Ended(Exception):
    """The next step lies after the demonstration's present: the case stays where it is."""


@dataclass(frozen=True, slots=True)
class Stage:
    """What the history stands on, and where its rows go."""

    sheet: Sheet
    numbers: Numbers
    keyring: Keyring
    calendar: WorkingCalendar
    snapshots: dict[str, Snapshot]
    estate: Estate
    staff: Staff
    trades: Trades
    owners: Owners
    people: PeopleFactory


@dataclass(frozen=True, slots=True)
class Intake:
    """What the caller said, and who took it down; `registered_at` may be later than the receipt."""

    project: str
    domain: Domain
    category: Category
    channel: Channel
    title: str
    description: str
    demand: str | None
    urgent: bool
    claim_fen: int | None
    home: Home | None
    owner: Resident | None
    caller_name: str
    caller_phone: str | None
    received_at: datetime
    registered_at: datetime
    taken_by: Actor


@dataclass(slots=True)
class Case:
    """A ticket under way; `now` is the instant of its last step. `speed` scales every wait."""

    stage: Stage
    rng: random.Random
    intake: Intake
    pace: Pace
    speed: float = 1.0
    now: datetime = END
    ticket: Row = field(default_factory=dict)
    clocks: list[Row] = field(default_factory=list)
    shared: set[UUID] = field(default_factory=set)
    held: HeldInterval | None = None
    """The hold of the ticket that has ended."""

    @property
    def id(self) -> UUID:
        """Return the ticket's id."""
        found: UUID = self.ticket["id"]
        return found

    @property
    def project_id(self) -> UUID:
        """Return the project's id."""
        return self.stage.estate.projects[self.intake.project]

    @property
    def snapshot(self) -> Snapshot:
        """Return the policy that the case keeps."""
        return self.stage.snapshots[self.intake.project]

    def wait(self, low: int, high: int) -> datetime:
        """Let some minutes of work pass; raises `Ended` when that leads beyond the present."""
        self.now = self.pace.later(self.now, self.speed * (low + (high - low) * self.rng.random()))
        if self.now > END:
            raise Ended
        return self.now

    def chance(self, share: float) -> bool:
        """Say yes in a share of the cases."""
        return self.rng.random() < share

    @property
    def lately(self) -> bool:
        """Say whether the case came in within the last weeks."""
        return self.intake.received_at > END - timedelta(days=40)

    def pick(self, choices: Sequence[T]) -> T:
        """Return one of some things."""
        return choices[self.rng.randrange(len(choices))]

    def one_of(self, *usernames: str) -> Actor:
        """Return one of some people."""
        return self.stage.staff[self.pick(usernames)]

    def open(self) -> None:
        """Register the case: ticket, register line, its clocks, one event (CHN-03, REP-01)."""
        intake, stage = self.intake, self.stage
        self.now = intake.registered_at
        phone = intake.caller_phone
        self.ticket = stage.sheet.add(
            Ticket,
            self.now,
            project_id=self.project_id,
            unit_id=None if intake.home is None else intake.home.id,
            owner_id=None if intake.owner is None else intake.owner.id,
            domain=intake.domain,
            category=intake.category,
            channel=intake.channel,
            status=TicketStatus.REGISTERED,
            title=intake.title,
            description=intake.description,
            demand=intake.demand,
            urgent=intake.urgent,
            claim_fen=intake.claim_fen,
            caller_name=intake.caller_name,
            caller_phone_encrypted=None if phone is None else stage.keyring.encrypt(phone, column=PHONE_COLUMN),
            caller_phone_index=None if phone is None else stage.keyring.blind_index(phone, column=OWNER_PHONE_INDEX),
            caller_phone_masked=None if phone is None else mask_phone(phone),
            received_at=intake.received_at,
            registered_by=intake.taken_by.id,
            policy_snapshot_id=self.snapshot.id,
        )
        stage.numbers.ask("TS", self.ticket, at=self.now)
        self._register_line(intake.channel, intake.title, received_at=intake.received_at, taken_by=intake.taken_by)
        for kind in ticket_clocks.of_ticket(domain=intake.domain, category=intake.category):
            self.start_clock(kind, started_at=intake.received_at, actor=intake.taken_by, quiet=True)
        self.event(
            "ticket.registered",
            actor=intake.taken_by,
            rules=("CHN-03", "REP-01" if intake.category is Category.REPAIR else "CMP-01"),
            data={"category": intake.category.value, "channel": intake.channel.value, "urgent": intake.urgent},
        )

    def chase(self, taken_by: Actor) -> None:
        """Enter a further call of the owner about the case (CHN-03)."""
        line = self._register_line(
            Channel.HOTLINE, f"业主来电催办:{self.intake.title}", received_at=self.now, taken_by=taken_by
        )
        data: Row = {"channel": Channel.HOTLINE.value}
        self.stage.numbers.cite(line, target=data, key="register_number")
        self.touch()
        self.event("ticket.chased", actor=taken_by, step="register-entries", data=data)

    def _register_line(self, channel: Channel, summary: str, *, received_at: datetime, taken_by: Actor) -> Row:
        line = self.stage.sheet.add(
            RegisterEntry,
            self.now,
            project_id=self.project_id,
            ticket_id=self.id,
            channel=channel,
            category=self.intake.category,
            caller_name=self.intake.caller_name,
            caller_phone_masked=self.ticket["caller_phone_masked"],
            summary=summary,
            received_at=received_at,
            taken_by=taken_by.id,
            taken_by_name=taken_by.name,
        )
        self.stage.numbers.ask("DJ", line, at=self.now)
        return line

    def touch(self, row: Row | None = None) -> None:
        """Let a row's version rise; the ticket's unless another is named."""
        changed = self.ticket if row is None else row
        changed["updated_at"] = self.now
        changed["version"] += 1

    def event(
        self,
        kind: str,
        *,
        actor: Actor,
        rules: tuple[str, ...] = (),
        step: str | None = None,
        subject: tuple[str, UUID] | None = None,
        firm_id: UUID | None = None,
        data: Row | None = None,
        at: datetime | None = None,
    ) -> None:
        """Record what happened now; the rules of a ticket's step follow from its name."""
        subject_kind, subject_id = subject or ("ticket", self.id)
        when = at or self.now
        self.stage.sheet.add(
            Event,
            when,
            kind=kind,
            subject_kind=subject_kind,
            subject_id=subject_id,
            ticket_id=self.id,
            project_id=self.project_id,
            firm_id=firm_id,
            actor_kind=actor.kind.value,
            actor_id=actor.id,
            actor_name=actor.name,
            occurred_at=when,
            rules=list(LIFECYCLE.steps[step].rules if step else rules),
            data={} if data is None else data,
        )

    def contact(
        self, kind: ContactKind, content: str, *, by: Actor, opinion: str | None = None, satisfied: bool | None = None
    ) -> Channel:
        """Record a talk with the owner; returns by which channel it was."""
        channel = Channel.PHONE if self.rng.random() < 0.85 else Channel.WECHAT_GROUP
        self.stage.sheet.add(
            OwnerContact,
            self.now,
            ticket_id=self.id,
            kind=kind,
            channel=channel,
            content=content,
            owner_opinion=opinion,
            satisfied=satisfied,
            at=self.now,
            by=by.id,
            by_name=by.name,
        )
        return channel

    def share(self, firm_id: UUID | None, number_of: Row, words: str) -> None:
        """Let a partner firm see the case; `words` cite the number of a row (OWN-07)."""
        if firm_id is None or firm_id in self.shared:
            return
        self.shared.add(firm_id)
        row = self.stage.sheet.add(
            TicketFirm, self.now, ticket_id=self.id, firm_id=firm_id, since=self.now, reason=words
        )
        self.stage.numbers.cite(number_of, target=row, key="reason", words=words)

    def start_clock(
        self,
        kind: ClockKind,
        *,
        actor: Actor,
        started_at: datetime | None = None,
        subject: tuple[str, UUID] | None = None,
        rule: ClockRule | None = None,
        round_: int = 1,
        quiet: bool = False,
    ) -> Row:
        """Start a clock; `quiet` as part of a registration, which records it by itself."""
        subject_kind, subject_id = subject or ("ticket", self.id)
        planned: dict[str, Any] = plan(
            calendar=self.stage.calendar,
            snapshot=self.snapshot,
            kind=kind,
            started_at=started_at or self.now,
            subject_kind=subject_kind,
            subject_id=subject_id,
            ticket_id=self.id,
            project_id=self.project_id,
            clock_rule=rule,
            round_=round_,
        )
        planned["id"] = self.stage.sheet.ids.at(self.now)
        row = self.stage.sheet.add(Deadline, self.now, **planned)
        self.clocks.append(row)
        if not quiet:
            self.clock_event(row, "deadline.started", actor=actor)
        return row

    def running(self, subject_id: UUID, kinds: tuple[ClockKind, ...] = ()) -> list[Row]:
        """Return the clocks of a subject that are neither stopped nor cancelled."""
        return [
            row
            for row in self.clocks
            if row["subject_id"] == subject_id
            and row["stopped_at"] is None
            and row["cancelled_at"] is None
            and (not kinds or row["kind"] in kinds)
        ]

    def stop(
        self, *kinds: ClockKind, actor: Actor, subject_id: UUID | None = None, happened_at: datetime | None = None
    ) -> None:
        """Stop running clocks: what they were for happened now, or earlier."""
        for row in self.running(subject_id or self.id, kinds):
            row["stopped_at"] = happened_at or self.now
            in_time = row["held_since"] is not None or row["stopped_at"] <= row["due_at"]
            self.clock_event(row, "deadline.met" if in_time else "deadline.late", actor=actor)

    def cancel(self, *kinds: ClockKind, actor: Actor) -> None:
        """Cancel running clocks of the ticket: what they were for is no longer owed."""
        for row in self.running(self.id, kinds):
            row["cancelled_at"] = self.now
            self.clock_event(row, "deadline.cancelled", actor=actor)

    def clock_event(self, row: Row, kind: str, *, actor: Actor, more: Row | None = None) -> None:
        """Record what happened to a clock."""
        self.event(
            kind,
            actor=actor,
            rules=(row["rule"],),
            subject=(row["subject_kind"], row["subject_id"]),
            data={
                "deadline_id": str(row["id"]),
                "clock": row["kind"].value,
                "due_at": row["due_at"].isoformat(),
                **(more or {}),
            },
        )
