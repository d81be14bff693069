"""The hour's quota of clear values: what a person may look at, of owners and of partner firms together (OWN-07).

One quota for both: whoever reads out one number after the other is the same curious person, whichever room he is in.
"""

import math
from collections.abc import Collection
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import DateTime, Uuid, column, func, select, table
from sqlalchemy.ext.asyncio import AsyncSession

from ownercare_api.core.errors import TooMany
from ownercare_api.policies import service
from ownercare_api.policies.catalogue import FACTORY
from ownercare_api.policies.models import PolicyInForce

_QUOTA = "privacy.unmask_per_hour"
_HOUR = timedelta(hours=1)
_LOOKS = [
    table(name, column("actor_id", Uuid()), column("at", DateTime(timezone=True)))
    for name in ("disclosure", "firm_disclosure")
]
"""The looks at clear values; their tables belong to rooms above."""


class QuotaSpent(TooMany):
    """429: the person has looked at as many clear values in the last hour as the policy allows."""

    code = "disclosure_quota_spent"
    zh = "您一小时内查看明文的次数已达上限,请稍后再试。"
    en = "You have looked at as many clear values as an hour allows; come back later."
    rules = ("OWN-07",)


async def spend(session: AsyncSession, *, project_ids: Collection[UUID], actor_id: UUID, now: datetime) -> int:
    """Take one look from a person's hour and return how many are left; the strictest of the projects counts.

    The caller writes the look down in the same transaction. Raises `QuotaSpent`.
    """
    quota = await _allowed(session, project_ids=project_ids, now=now)
    # One look at a time for each person: two at once would both see the last free place.
    lock = int.from_bytes(actor_id.bytes[8:], signed=True)
    await session.execute(select(func.pg_advisory_xact_lock(lock)))
    since = now - _HOUR
    one, other = (select(one.c.at).where(one.c.actor_id == actor_id, one.c.at > since) for one in _LOOKS)
    looks = sorted((await session.execute(one.union_all(other))).scalars())
    if len(looks) >= quota:
        frees = looks[len(looks) - quota] + _HOUR - now
        raise QuotaSpent(headers={"Retry-After": str(max(1, math.ceil(frees.total_seconds())))})
    return quota - len(looks) - 1


async def _allowed(session: AsyncSession, *, project_ids: Collection[UUID], now: datetime) -> int:
    factory = int(FACTORY[_QUOTA])
    place = PolicyInForce.__table__.c
    newest = (
        select(place.project_id, func.max(place.effective_from).label("since"))
        .where(place.project_id.in_(list(project_ids)), place.effective_from <= now)
        .group_by(place.project_id)
        .subquery()
    )
    query = select(place.project_id, place.snapshot_id).join(
        newest, (newest.c.project_id == place.project_id) & (newest.c.since == place.effective_from)
    )
    in_force = {row.project_id: row.snapshot_id for row in await session.execute(query)}
    snapshots = await service.snapshots(session, snapshot_ids=set(in_force.values()))
    quotas = [one.integer(_QUOTA) for one in snapshots.values()]
    if not quotas or len(in_force) < len(set(project_ids)):
        quotas.append(factory)
    return min(quotas)
