"""Registering a call, visit or letter: ticket, register line, clocks and event in one statement (CHN-03, REP-01).

This is the busiest write of the system: one look at where it belongs, then one statement that inserts everything.
"""

import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import text

from ownercare_api.core.clock import business_date
from ownercare_api.core.crypto import Keyring
from ownercare_api.core.database import Database
from ownercare_api.core.errors import Conflict, FieldError, Invalid, NotFound
from ownercare_api.core.hot import Driver, HotStatement
from ownercare_api.core.ids import uuid7
from ownercare_api.core.phones import InvalidPhone, mask_phone, normalise_phone
from ownercare_api.deadlines.calendar import WorkingCalendar
from ownercare_api.deadlines.clocks import plan
from ownercare_api.identity.principal import OutOfReach, Principal
from ownercare_api.policies import service as policies
from ownercare_api.policies.service import NoPolicy, Snapshot
from ownercare_api.tickets import clocks
from ownercare_api.tickets.lifecycle import Category, Channel, Domain
from ownercare_api.timeline import service as timeline

PHONE_COLUMN = "ticket.caller_phone"
OWNER_PHONE_INDEX = "owner_phone.number"
"""The blind index is that of the owners' numbers, so that one look-up finds both."""


class PlaceNotFound(NotFound):
    """404: the home or project is missing or out of the caller's sight."""

    code = "place_not_found"
    zh, en = "房屋或项目不存在,或您无权查看。", "The home or project does not exist, or you may not see it."


class OwnerNotOfUnit(Invalid):
    """422: the named owner does not own the named home."""

    code = "owner_not_of_unit"
    zh, en = "该业主当前并不拥有所选房屋。", "That owner does not own the home at present."
    rules = ("OWN-10",)


class ReceivedOutOfRange(Invalid):
    """422: received in the future, or longer ago than may be registered late."""

    code = "received_out_of_range"
    zh = "受理时间不能晚于现在,也不能早于 30 天前。"
    en = "The time of receipt can't be in the future or more than 30 days ago."
    rules = ("REP-01", "CMP-01")


class NoSalesOffice(Conflict):
    """409: the project has no sales office."""

    code = "no_sales_office"
    zh, en = "该项目没有案场,不能登记案场事项。", "This project has no sales office."
    rules = ("CMP-12", "REP-20")


@dataclass(frozen=True, slots=True)
class Intake:
    """What the owner said, checked for form."""

    unit_id: UUID | None
    project_id: UUID | None
    owner_id: UUID | None
    domain: Domain
    category: Category
    channel: Channel
    title: str
    description: str
    demand: str | None
    urgent: bool
    claim_fen: int | None
    caller_name: str
    caller_phone: str | None
    received_at: datetime


@dataclass(frozen=True, slots=True)
class Registered:
    """What was registered."""

    ticket_id: UUID
    number: str
    register_number: str


_PLACE = HotStatement(
    text("""
SELECT p.id AS project_id, p.has_sales_office,
       (SELECT f.snapshot_id FROM policy_in_force f
         WHERE f.project_id = p.id AND f.effective_from <= :now
         ORDER BY f.effective_from DESC LIMIT 1) AS snapshot_id,
       (CAST(:owner_id AS uuid) IS NULL OR EXISTS (
            SELECT 1 FROM ownership o
             WHERE o.owner_id = :owner_id AND (u.id IS NULL OR o.unit_id = u.id)
               AND o.from_date <= :today AND (o.to_date IS NULL OR o.to_date > :today))) AS owner_fits
  FROM project p LEFT JOIN unit u ON u.id = CAST(:unit_id AS uuid) AND u.project_id = p.id
 WHERE p.id = coalesce((SELECT x.project_id FROM unit x WHERE x.id = CAST(:unit_id AS uuid)), CAST(:project_id AS uuid))
   AND (CAST(:unit_id AS uuid) IS NULL OR u.id IS NOT NULL)
   AND (CAST(:project_id AS uuid) IS NULL OR p.id = CAST(:project_id AS uuid))
""")
)

# The clocks arrive as one JSON array, so that the statement is the same for every category and stays prepared.
_REGISTER = HotStatement(
    text("""
WITH registered AS (
    INSERT INTO ticket (id, number, project_id, unit_id, owner_id, domain, category, channel, status,
        title, description, demand, urgent, claim_fen, caller_name,
        caller_phone_encrypted, caller_phone_index, caller_phone_masked,
        received_at, registered_by, policy_snapshot_id, created_at, updated_at)
    VALUES (:id, next_number('TS', :today), :project_id, :unit_id, :owner_id, :domain, :category, :channel,
        'registered', :title, :description, :demand, :urgent, :claim_fen, :caller_name,
        :phone_encrypted, :phone_index, :phone_masked,
        :received_at, :actor_id, :snapshot_id, :now, :now)
    RETURNING number
), entered AS (
    INSERT INTO register_entry (id, number, project_id, ticket_id, channel, category, caller_name,
        caller_phone_masked, summary, received_at, taken_by, taken_by_name)
    VALUES (:entry_id, next_number('DJ', :today), :project_id, :id, :channel, :category, :caller_name,
        :phone_masked, :title, :received_at, :actor_id, :actor_name)
    RETURNING number
), started AS (
    INSERT INTO deadline (id, subject_kind, subject_id, ticket_id, project_id, kind, round, rule, policy_key,
        policy_value, unit, policy_snapshot_id, started_at, original_due_at, due_at, provisional, next_alert_at)
    SELECT c.id, 'ticket', :id, :id, :project_id, c.kind, 1, c.rule, c.policy_key,
        c.policy_value, c.unit, :snapshot_id, :received_at, c.due_at, c.due_at, c.provisional, c.next_alert_at
      FROM json_to_recordset(CAST(:clocks AS json)) AS c (id uuid, kind text, rule text, policy_key text,
        policy_value int, unit text, due_at timestamptz, provisional bool, next_alert_at timestamptz)
), recorded AS (
    INSERT INTO event (id, kind, subject_kind, subject_id, ticket_id, project_id, actor_kind, actor_id, actor_name,
        occurred_at, rules, data)
    VALUES (:event_id, 'ticket.registered', 'ticket', :id, :id, :project_id, :actor_kind, :actor_id, :event_actor,
        :now, string_to_array(:rules, ' '), CAST(:data AS jsonb))
)
SELECT registered.number, entered.number AS register_number FROM registered, entered
""")
)

LATEST_ENTRY = timedelta(days=30)


def normalised_phone(given: str | None, *, pointer: str = "#/caller_phone") -> str | None:
    """Return the normal form of a caller's number; raises `Invalid` pointing at it."""
    if given is None:
        return None
    try:
        return normalise_phone(given)
    except InvalidPhone as error:
        raise Invalid(errors=(FieldError(pointer, error.code, error.zh, error.en),)) from None


async def register(
    driver: Driver,
    *,
    database: Database,
    intake: Intake,
    calendar: WorkingCalendar,
    keyring: Keyring,
    principal: Principal,
    now: datetime,
) -> Registered:
    """Register an intake: unified numbers, the clocks of its kind from the time of receipt, one event.

    Raises `PlaceNotFound`, `OwnerNotOfUnit`, `ReceivedOutOfRange`, `NoSalesOffice`, `OutOfReach`, `NoPolicy`.
    """
    if not now - LATEST_ENTRY <= intake.received_at <= now:
        raise ReceivedOutOfRange
    phone = normalised_phone(intake.caller_phone)
    place = await place_of(driver, intake=intake, now=now)
    if place is None or not principal.may("tickets:read", project_id=place["project_id"]):
        raise PlaceNotFound
    principal.require("tickets:register", project_id=place["project_id"])
    if not place["owner_fits"]:
        raise OwnerNotOfUnit(
            errors=(FieldError("#/owner_id", OwnerNotOfUnit.code, OwnerNotOfUnit.zh, OwnerNotOfUnit.en),)
        )
    if intake.domain is Domain.SALES_OFFICE and not place["has_sales_office"]:
        raise NoSalesOffice
    return await enter(
        driver,
        database=database,
        intake=intake,
        phone=phone,
        place=place,
        calendar=calendar,
        keyring=keyring,
        principal=principal,
        now=now,
    )


async def place_of(driver: Driver, *, intake: Intake, now: datetime) -> Any:
    """Return project_id, has_sales_office, snapshot_id of an intake's place, and whether the named owner has the home
    (`owner_fits`); None where there is no such place."""
    given = {"unit_id": intake.unit_id, "project_id": intake.project_id, "owner_id": intake.owner_id}
    places = await _PLACE.rows(driver, {**given, "now": now, "today": business_date(now)})
    return places[0] if places else None


async def enter(
    driver: Driver,
    *,
    database: Database,
    intake: Intake,
    phone: str | None,
    place: Any,
    calendar: WorkingCalendar,
    keyring: Keyring,
    principal: Principal,
    now: datetime,
) -> Registered:
    """Put an intake into the register in one statement; `phone` is in normal form, `place` from `place_of`. That the
    caller may do so has been checked. Raises `NoPolicy`."""
    project_id: UUID = place["project_id"]
    if place["snapshot_id"] is None:
        raise NoPolicy
    policy = await policies.snapshot_of(database, snapshot_id=place["snapshot_id"])
    ticket_id = uuid7()
    rows = await _REGISTER.rows(
        driver,
        {
            "id": ticket_id,
            "project_id": project_id,
            "unit_id": intake.unit_id,
            "owner_id": intake.owner_id,
            "domain": intake.domain.value,
            "category": intake.category.value,
            "channel": intake.channel.value,
            "title": intake.title,
            "description": intake.description,
            "demand": intake.demand,
            "urgent": intake.urgent,
            "claim_fen": intake.claim_fen,
            "caller_name": intake.caller_name,
            "phone_encrypted": None if phone is None else keyring.encrypt(phone, column=PHONE_COLUMN),
            "phone_index": None if phone is None else keyring.blind_index(phone, column=OWNER_PHONE_INDEX),
            "phone_masked": None if phone is None else mask_phone(phone),
            "received_at": intake.received_at,
            "actor_id": principal.id,
            "actor_kind": principal.kind.value,
            "actor_name": principal.name,
            "event_actor": timeline.name_of(principal),
            "snapshot_id": policy.id,
            "now": now,
            "today": business_date(now),
            "entry_id": uuid7(),
            "event_id": uuid7(),
            "clocks": _clocks(intake, calendar=calendar, policy=policy, ticket_id=ticket_id, project_id=project_id),
            "rules": "CHN-03 REP-01" if intake.category is Category.REPAIR else "CHN-03 CMP-01",
            "data": json.dumps({"category": intake.category, "channel": intake.channel, "urgent": intake.urgent}),
        },
    )
    return Registered(ticket_id=ticket_id, number=rows[0]["number"], register_number=rows[0]["register_number"])


def _clocks(intake: Intake, *, calendar: WorkingCalendar, policy: Snapshot, ticket_id: UUID, project_id: UUID) -> str:
    rows: list[dict[str, Any]] = []
    for kind in clocks.of_ticket(domain=intake.domain, category=intake.category):
        row = plan(
            calendar=calendar,
            snapshot=policy,
            kind=kind,
            started_at=intake.received_at,
            subject_kind="ticket",
            subject_id=ticket_id,
            ticket_id=ticket_id,
            project_id=project_id,
        )
        alert = row["next_alert_at"]
        rows.append(
            {
                "id": row["id"].hex,
                "kind": kind.value,
                "rule": row["rule"],
                "policy_key": row["policy_key"],
                "policy_value": row["policy_value"],
                "unit": row["unit"],
                "due_at": row["due_at"].isoformat(),
                "provisional": row["provisional"],
                "next_alert_at": None if alert is None else alert.isoformat(),
            }
        )
    return json.dumps(rows)


REFUSALS = (PlaceNotFound, OwnerNotOfUnit, ReceivedOutOfRange, NoSalesOffice, OutOfReach, NoPolicy)
