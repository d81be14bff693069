"""Use case: the 400 call centre asks who is calling (CHN-03, CHN-10, ORG-08). Three statements, whoever calls, and what
is put on record."""

from collections import defaultdict
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from ownercare_api.core.clock import business_date
from ownercare_api.core.crypto import Keyring
from ownercare_api.core.ids import uuid7
from ownercare_api.core.phones import mask_phone
from ownercare_api.identity.principal import Principal
from ownercare_api.integrations import repository
from ownercare_api.owners import looks
from ownercare_api.owners import service as owners
from ownercare_api.owners.looks import Look
from ownercare_api.policies import service as policies
from ownercare_api.properties.parts import PART_ZH
from ownercare_api.timeline import service as timeline
from ownercare_api.workorders.liability import covered_until, owner_term

SCOPE = "call_center:lookup"


async def look_up(
    session: AsyncSession, *, phone: str, keyring: Keyring, principal: Principal, now: datetime
) -> dict[str, Any]:
    """Return the fields of `CallerRead` for a number in normal form, and record the look-up without the number."""
    reach = principal.reach(SCOPE)
    matches = await owners.lookup_by_phone(session, keyring=keyring, phone=phone, now=now, reach=reach)
    ids = [match.owner_id for match in matches]
    indexes = owners.phone_indexes(keyring, phone)
    cases: dict[UUID | None, list[dict[str, Any]]] = defaultdict(list)
    for row in await repository.tickets(session, owner_ids=ids, indexes=indexes, reach=reach):
        cases[row.owner_id].append(_case(row, now=now))
    contacts: dict[UUID, list[dict[str, Any]]] = defaultdict(list)
    if ids:
        for row in await repository.contacts(session, owner_ids=ids, reach=reach):
            fields = dict(row._mapping)
            contacts[fields.pop("owner_id")].append(fields)
    await looks.record(session, owner_ids=ids, actor=principal, look=Look.SCREEN_POP, now=now)
    lookup_id = uuid7()
    await timeline.record(
        session,
        kind="caller.looked_up",
        subject_kind="caller_lookup",
        subject_id=lookup_id,
        actor=principal,
        now=now,
        rules=("CHN-03", "OWN-07"),
        data={"owner_ids": [str(one) for one in ids], "unlinked_tickets": len(cases[None])},
    )
    today = business_date(now)
    return {
        "lookup_id": lookup_id,
        "phone_masked": mask_phone(phone),
        "owners": [
            {
                "id": match.owner_id,
                "name": match.name,
                "sex": match.sex,
                "document_masked": match.document_masked,
                "preferences": match.preferences,
                "restricted": match.restricted,
                "phone_label": match.phone_label,
                "phone_is_primary": match.phone_is_primary,
                "homes": [await _home(session, home, today=today) for home in match.homes],
                "open_tickets": cases[match.owner_id],
                "last_contacts": contacts[match.owner_id],
            }
            for match in matches
        ],
        "more_owners": len(matches) == owners.MATCHES_SHOWN,
        "unlinked_tickets": cases[None],
    }


def _case(row: Any, *, now: datetime) -> dict[str, Any]:
    clock = None
    if row.due_at is not None:
        clock = {"kind": row.due_kind, "due_at": row.due_at, "overdue": row.held_since is None and now > row.due_at}
    return {
        "id": row.id,
        "number": row.number,
        "status": row.status,
        "category": row.category,
        "title": row.title,
        "urgent": row.urgent,
        "unit_id": row.unit_id,
        "received_at": row.received_at,
        "next_deadline": clock,
    }


async def _home(session: AsyncSession, home: dict[str, Any], *, today: date) -> dict[str, Any]:
    kept = ("unit_id", "project_id", "project_name", "address", "share_bp", "delivered_on", "moved_in_on")
    return {name: home[name] for name in kept} | {"warranty": await _warranty(session, home, today=today)}


async def _warranty(session: AsyncSession, home: dict[str, Any], *, today: date) -> list[dict[str, Any]]:
    """The owner's clock of each part, under the policy in force; a process reads each policy once."""
    if home["delivered_on"] is None or home["policy_snapshot_id"] is None:
        return []
    delivered = date.fromisoformat(home["delivered_on"])
    snapshot = await policies.snapshot(session, snapshot_id=UUID(home["policy_snapshot_id"]))
    ends = {part: covered_until(delivered, owner_term(snapshot, part)) for part in PART_ZH}
    return [
        {
            "building_part": part,
            "name": PART_ZH[part],
            "covered_until": end,
            "in_warranty": delivered <= today <= end,
        }
        for part, end in ends.items()
    ]
