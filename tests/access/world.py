"""Three of everything, to see who gets at what: one's own, a sibling project's, another firm's in one's own project.

`O` is the place of the people in the columns: their project, their property company, their contractor. `F` lies in the
same project and concerns another property company and another contractor. `S` lies in another project of another
region, with the firms of `F`. Each place holds the same `things` by name: a ticket in every status that some operation
needs, and so on.
"""

import io
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from fastapi import FastAPI
from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncSession
from tests.access import ledgers
from tests.factories import cases
from tests.factories.cases import Cast, Story, who
from tests.factories.contractors import make_contractor, make_firm, make_property_company
from tests.factories.files import JPEG, make_file
from tests.factories.org import Org, make_org
from tests.factories.owners import add_ownership, add_phone, make_owner
from tests.factories.people import Actor, Desk
from tests.factories.settlements import Site
from tests.factories.surveys import make_questionnaire

from ownercare_api.approvals.models import Tier
from ownercare_api.contractors.models import Firm, FirmKind
from ownercare_api.core.http.state import AppState
from ownercare_api.core.ids import uuid7
from ownercare_api.core.jobs import Job, JobStatus
from ownercare_api.deadlines.models import Deadline
from ownercare_api.files.models import FileObject, FilePurpose
from ownercare_api.files.storage import Store, digest
from ownercare_api.policies import service as policies
from ownercare_api.policies.models import PolicyLevel
from ownercare_api.policies.service import ProjectTree
from ownercare_api.properties.models import Unit
from ownercare_api.properties.parts import BuildingPart
from ownercare_api.properties.service import policy_places
from ownercare_api.surveys.lifecycle import QuestionnaireStatus, SurveyMode
from ownercare_api.surveys.models import Questionnaire
from ownercare_api.surveys.service import record_response
from ownercare_api.tickets import handling
from ownercare_api.tickets.lifecycle import Category, CauseClass, TicketStatus
from ownercare_api.tickets.models import RegisterEntry, Ticket, TicketFirm
from ownercare_api.workorders import extensions

PARTS = {"O": BuildingPart.WET_ROOM_WATERPROOFING, "F": BuildingPart.PLUMBING, "S": BuildingPart.WET_ROOM_WATERPROOFING}
PHONES = {"O": "13812340001", "F": "13812340002", "S": "13812340003"}
NAMES = {"O": "沈若溪", "F": "顾长风", "S": "白鹭飞"}


@dataclass
class Place:
    """One letter's place; `things` are ids by name, `words` texts that only this place's things hold."""

    letter: str
    org: Org
    cast: Cast
    site: Site
    things: dict[str, UUID] = field(default_factory=dict)
    words: dict[str, str] = field(default_factory=dict)
    people: dict[str, Actor] = field(default_factory=dict)
    firms_here: frozenset[UUID] = frozenset()
    """The firms that work in the project."""

    @property
    def story(self) -> Story:
        """Return a leak in the part that this place's contractor answers for."""
        return Story(part=PARTS[self.letter])


@dataclass
class World:
    """Everything; `shared` belongs to no place: questionnaires, roles, the group."""

    app: FastAPI
    session: AsyncSession
    people: Desk
    state: AppState
    now: datetime
    places: dict[str, Place] = field(default_factory=dict)
    shared: dict[str, UUID] = field(default_factory=dict)
    letters: dict[str, str] = field(default_factory=dict)
    """Which place an id belongs to, to see in an answer what leaks."""


async def make_world(app: FastAPI, session: AsyncSession, people: Desk, state: AppState, *, now: datetime) -> World:
    """Build it all; every step by the rooms' own doors where they are cheap, by rows where they are not."""
    world = World(app=app, session=session, people=people, state=state, now=now)
    questionnaire = await make_questionnaire(session, now=now, code="MYD-JZ")
    world.shared["questionnaire"] = questionnaire.id
    draft = await make_questionnaire(session, now=now, code="MYD-CG", status=QuestionnaireStatus.DRAFT)
    world.shared["draft"] = draft.id
    own = await make_org(session, now=now, name="云栖雅苑", units=16)
    sibling = await make_org(session, now=now, name="白鹭洲府", units=16)
    firms = [
        await make_firm(session, kind=kind)
        for kind in (FirmKind.PROPERTY_COMPANY, FirmKind.CONTRACTOR, FirmKind.PROPERTY_COMPANY, FirmKind.CONTRACTOR)
    ]
    for letter, org, company, contractor in (
        ("O", own, firms[0], firms[1]),
        ("F", own, firms[2], firms[3]),
        ("S", sibling, firms[2], firms[3]),
    ):
        place = await _place(world, letter, org, company=company, contractor=contractor)
        world.places[letter] = place
        await _owners(world, place)
        await _tickets(world, place)
        await _work(world, place)
        await ledgers.fill(session, place.site, place.things, now=now)
        await _files(world, place)
        await _rest(world, place, questionnaire=questionnaire)
        for extra in EXTRAS:
            await extra(world, place)
    for last in LASTLY:
        await last(world)
    for letter, place in world.places.items():
        place.firms_here = frozenset(firm.id for firm in (firms[2:] if letter == "S" else firms))
        place.things["another_project"] = (own if letter == "S" else sibling).project.id
        place.things |= world.shared
    _letters(world)
    await session.flush()
    return world


EXTRAS: list[Callable[[World, Place], Awaitable[None]]] = []
"""What further rooms add to each place; appended to by `tests.access.world_more`."""
LASTLY: list[Callable[[World], Awaitable[None]]] = []
"""What is made when every place stands, so that nothing is done about it any more."""


async def _place(world: World, letter: str, org: Org, *, company: Firm, contractor: Firm) -> Place:
    session, people, now = world.session, world.people, world.now
    if letter == "F":  # the homes of one project are shared out between its two places
        org = replace(org, units=org.units[8:] + org.units[:8])
    contract = await make_contractor(session, org, parts={PARTS[letter]: 60}, firm=contractor)
    cast = Cast(
        org=org,
        contractor=contract,
        company=await make_property_company(session, org, people, firm=company),
        specialist=await people.staff("customer_relations_specialist", project_id=org.project.id),
        colleague=await people.staff("customer_relations_supervisor", project_id=org.project.id),
        engineer=await people.staff("engineering_material_engineer", project_id=org.project.id),
        worker=await people.firm_user("repair_worker", firm_id=company.id),
        representative=await people.firm_user("contractor_representative", firm_id=contractor.id),
        clerk=await people.staff("records_clerk", project_id=org.project.id),
        deciders={
            Tier.DEPARTMENT_MANAGER: await people.staff("customer_service_manager", project_id=org.project.id),
            Tier.DEPUTY_CHIEF_ENGINEER: await people.staff("deputy_chief_engineer"),
            Tier.DEPUTY_GENERAL_MANAGER: await people.staff("deputy_general_manager"),
            Tier.GENERAL_MANAGER: await people.staff("general_manager"),
        },
        captain=None,  # type: ignore[arg-type]
    )
    cast.captain = cast.company.captain
    ticket = await _ticket(session, org, letter, now=now, status=TicketStatus.ACCEPTED)
    place = Place(letter, org, cast, ledgers.site_of(cast, ticket))
    place.people |= {"captain": cast.captain, "worker": cast.worker, "representative": cast.representative}
    place.things |= {
        "project": org.project.id,
        "region": org.region.id,
        "group": org.group.id,
        "building": org.building.id,
        "company": company.id,
        "contractor": contractor.id,
        "contract": contract.contract.id,
        "team": cast.company.team.id,
        "repair_worker": cast.company.workers[0].id,
        "captain": cast.captain.id,
        "handler": cast.engineer.id,
        "person": cast.specialist.id,
        "snapshot": org.snapshot.id,
        "settled_ticket": ticket.id,
    }
    place.words |= {"project_name": org.project.name, "owner_name": NAMES[letter], "phone": PHONES[letter]}
    return place


def _home(place: Place, which: int) -> Unit:
    """Return a home of the place."""
    return place.org.units[which]


async def _owners(world: World, place: Place) -> None:
    session, keyring = world.session, world.state.keyring
    homes = [_home(place, 0), _home(place, 1)]
    owner = await make_owner(
        session, keyring, name=NAMES[place.letter], phone=PHONES[place.letter], units=[homes[0]], home_address="某处"
    )
    second = await add_phone(session, keyring, owner=owner, phone=f"1391234000{ord(place.letter) % 10}")
    ownership = await add_ownership(session, owner=owner, unit=homes[1])
    empty = _home(place, 2)
    empty.delivered_on = empty.moved_in_on = None
    vacant = _home(place, 3)
    vacant.moved_in_on = None
    await session.flush()
    place.things |= {
        "owner": owner.id,
        "phone": second.id,
        "ownership": ownership.id,
        "unit": homes[0].id,
        "unit_undelivered": empty.id,
        "unit_vacant": vacant.id,
        "unit_unsold": _home(place, 7).id,
    }


async def _ticket(
    session: AsyncSession, org: Org, letter: str, *, now: datetime, status: TicketStatus, **more: Any
) -> Ticket:
    made = uuid7()
    fields: dict[str, Any] = {
        "category": Category.COMPLAINT,
        "unit_id": org.units[0].id,
        "department": "engineering_material",
        "cause_class": CauseClass.OTHER,
    }
    ticket = cases._ticket(org, now=now, unit_id=None, urgent=bool(more.pop("urgent", False)))
    ticket.id, ticket.number, ticket.status = made, f"TS-20261120-{made.hex[-8:]}", status
    ticket.title = f"{NAMES[letter]}家飘窗渗水"
    for name, value in {**fields, **more}.items():
        setattr(ticket, name, value)
    session.add(ticket)
    await session.flush()
    return ticket


async def _tickets(world: World, place: Place) -> None:
    session, now = world.session, world.now
    handler = place.cast.engineer.id
    owner = place.things["owner"]
    wanted: dict[str, dict[str, Any]] = {
        "ticket_registered": {"status": TicketStatus.REGISTERED, "department": None, "cause_class": None},
        "ticket": {"status": TicketStatus.ACCEPTED, "handler_id": handler, "owner_id": owner},
        "ticket_held": {"status": TicketStatus.ACCEPTED, "handler_id": handler},
        "ticket_resolved": {"status": TicketStatus.RESOLVED, "result": "已修复", "resolved_at": now},
        "ticket_informed": {"status": TicketStatus.RESOLVED, "resolved_at": now, "owner_informed_at": now},
        "ticket_answered": {"status": TicketStatus.RESOLVED, "resolved_at": now, "owner_informed_at": now},
        "ticket_closed": {
            "status": TicketStatus.CLOSED, "resolved_at": now, "owner_informed_at": now, "closed_at": now,
        },
        "ticket_repair": {"status": TicketStatus.ACCEPTED, "category": Category.REPAIR},
    }  # fmt: skip
    for name, fields in wanted.items():
        ticket = await _ticket(session, place.org, place.letter, now=now, **fields)
        place.things[name] = ticket.id
    await handling.hold(
        session, ticket_id=place.things["ticket_held"], reason="业主外出", principal=who(place.cast.colleague), now=now
    )
    shared = [*(place.things[name] for name in wanted), place.things["settled_ticket"]]
    session.add_all(
        TicketFirm(ticket_id=ticket_id, firm_id=firm_id, since=now, reason="派工")
        for ticket_id in shared
        for firm_id in (place.things["company"], place.things["contractor"])
    )
    entry = RegisterEntry(
        id=uuid7(),
        number=f"DJ-20261120-{uuid7().hex[-8:]}",
        project_id=place.org.project.id,
        ticket_id=place.things["ticket"],
        channel="hotline",
        category=Category.COMPLAINT,
        caller_name="沈若溪",
        summary="来电催问",
        received_at=now,
        taken_by=place.cast.clerk.id,
        taken_by_name="王资料员",
    )
    session.add(entry)
    await session.flush()
    place.things["register_entry"] = entry.id


async def _work(world: World, place: Place) -> None:
    session, now, cast, story, things = world.session, world.now, place.cast, place.story, place.things
    things["survey"] = (await cases.arranged_survey(session, cast, now=now, story=story)).id
    things["survey_recorded"] = (await cases.recorded_survey(session, cast, now=now, story=story)).id
    signed = await cases.co_signed_survey(session, cast, now=now, story=story)
    things["survey_signed"] = signed.id
    for name, make in (
        ("order_awaiting", cases.raised_order),
        ("order_approved", cases.approved_order),
        ("order_dispatched", cases.dispatched_order),
        ("order_in_progress", cases.accepted_order),
        ("order_extension", cases.accepted_order),
        ("order_completed", cases.completed_order),
        ("order_signed_off", cases.signed_off_order),
    ):
        made = await make(session, cast, now=now, story=story)
        things[name], things[f"{name}_ticket"] = made.id, made.ticket_id
        if name == "order_awaiting":
            assert made.approval_id is not None
            things["approval"] = made.approval_id
    whose = update(Ticket).where(Ticket.unit_id == things["unit"], Ticket.project_id == place.org.project.id)
    await session.execute(whose.values(owner_id=things["owner"]))
    await extensions.ask(
        session,
        work_order_id=things["order_extension"],
        reason="需养护",
        extra_workdays=3,
        principal=who(cast.captain),
        now=now,
    )
    things["deadline"] = (
        (await session.execute(Deadline.__table__.select().where(Deadline.subject_id == things["order_dispatched"])))
        .one()
        .id
    )


async def _files(world: World, place: Place) -> None:
    session, now = world.session, world.now
    sha256 = digest(io.BytesIO(JPEG)).sha256
    Store(world.state.settings.data_dir / "files").put(io.BytesIO(JPEG), sha256=sha256)
    place.people["uploader"] = place.cast.specialist
    for name, purpose, ticket in (
        ("file", FilePurpose.PHOTO_SITE, place.things["ticket"]),
        ("file_loose", FilePurpose.PHOTO_SITE, None),
        ("file_signature", FilePurpose.SIGNATURE, None),
        ("file_before", FilePurpose.PHOTO_BEFORE, None),
        ("file_after", FilePurpose.PHOTO_AFTER, None),
    ):
        by = place.cast.specialist if name == "file_loose" else place.cast.worker
        firm_id = None if name == "file_loose" else place.things["company"]
        made = await make_file(
            session,
            project_id=place.org.project.id,
            uploaded_by=by.id,
            now=now,
            purpose=purpose,
            firm_id=firm_id,
            ticket_id=ticket,
        )
        place.things[name] = made.id
    await session.execute(update(FileObject).values(sha256=sha256, size_bytes=len(JPEG)))


async def _rest(world: World, place: Place, *, questionnaire: Questionnaire) -> None:
    session, now, things = world.session, world.now, place.things
    things["response"] = await record_response(
        session,
        questionnaire_id=questionnaire.id,
        ticket_id=things["ticket_closed"],
        unit_id=None,
        mode=SurveyMode.PHONE,
        respondent_name=NAMES[place.letter],
        answers=[("repair_quality", 5)],
        principal=who(place.cast.colleague),
        now=now,
    )
    asker = place.people["asker"] = place.cast.colleague
    job = Job(
        id=uuid7(), kind="matrix.nothing", args={}, run_at=now + timedelta(days=3650), status=JobStatus.QUEUED,
        requester_id=asker.id, project_id=place.org.project.id,
    )  # fmt: skip
    session.add(job)
    things["job"] = job.id
    if place.letter != "F":
        version = await policies.publish(
            session,
            level=PolicyLevel.PROJECT,
            target_id=place.org.project.id,
            values={"callback.workdays": 2},
            effective_from=now,
            reason="本项目回访时限",
            tree=ProjectTree(places=policy_places),
            actor=who(await world.people.staff("general_manager")),
            now=now,
        )
        things["policy"] = version.id
        found = await policies.in_force(session, project_id=place.org.project.id, at=now)
        things["snapshot"] = found.id
    else:
        things |= {name: world.places["O"].things[name] for name in ("policy", "snapshot")}
    await session.flush()


_COMMON = ("project", "region", "building", "policy", "snapshot")
"""What the places of one project have in common, and so says nothing of `F`."""
_NOBODYS = ("group", "another_project", "questionnaire", "draft", "tag", "tag_free")


def _letters(world: World) -> None:
    for letter, place in world.places.items():
        for name, thing in place.things.items():
            if name in _COMMON and letter != "S":
                continue
            if name in _NOBODYS:
                continue
            world.letters.setdefault(str(thing), letter)
