"""Use cases: what an owner agrees to, and takes back at any time (OWN-07; PIPL art. 14 to 16)."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, select
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

from ownercare_api.core.errors import FieldError, Invalid
from ownercare_api.core.ids import uuid7
from ownercare_api.identity.principal import Principal
from ownercare_api.owners import evidence, repository_records
from ownercare_api.owners.models_records import Consent, ConsentChannel, ConsentPurpose
from ownercare_api.owners.service import OwnerNotFound, owner_for_change, projects_of
from ownercare_api.timeline import service as timeline

PURPOSES: Mapping[ConsentPurpose, tuple[str, str]] = {
    ConsentPurpose.SERVICE_CALLS: ("服务回访与日常沟通来电", "service calls and callbacks"),
    ConsentPurpose.SATISFACTION_SURVEYS: ("满意度调查", "satisfaction surveys"),
    ConsentPurpose.MARKETING: ("新项目、新产品推介", "news of projects and products"),
    ConsentPurpose.EVENTS: ("客户会与社区活动邀请", "invitations to events"),
    ConsentPurpose.SHARE_WITH_PROPERTY_COMPANY: ("向物业公司提供信息", "sharing with the property company"),
    ConsentPurpose.SHARE_WITH_CONTRACTOR: ("向施工、维修单位提供信息", "sharing with contractors and repairers"),
    ConsentPurpose.RECORDINGS: ("通话录音", "recording of calls"),
    ConsentPurpose.PHOTOGRAPHS: ("影像资料的拍摄与使用", "taking and using photographs"),
}
"""The catalogue of purposes, in Chinese and English."""


class ConsentInFuture(Invalid):
    """422: a consent is given today or earlier, and names the text that was agreed to."""

    code = "consent_in_future"
    zh, en = "同意时间不能晚于现在。", "A consent can't be given in the future."
    rules = ("OWN-07",)

    def __init__(self) -> None:
        super().__init__(errors=(FieldError("#/at", self.code, self.zh, self.en),))


async def give(
    session: AsyncSession,
    *,
    owner_id: UUID,
    purpose: ConsentPurpose,
    at: datetime | None,
    channel: ConsentChannel,
    text_version: str,
    evidence_file_id: UUID | None,
    note: str | None,
    principal: Principal,
    now: datetime,
) -> Consent:
    """Record that an owner agreed to a purpose; staff record it for him.

    Raises `OwnerNotFound`, `OutOfReach`, `ConsentInFuture`, `FileNotUsable`.
    """
    await owner_for_change(session, owner_id=owner_id, principal=principal)
    if at is not None and at > now:
        raise ConsentInFuture
    made = Consent(
        owner_id=owner_id,
        purpose=purpose,
        given=True,
        at=at or now,
        channel=channel,
        text_version=text_version,
        evidence_file_id=evidence_file_id,
        note=note,
    )
    return await _keep(session, made, principal=principal, now=now)


async def withdraw(
    session: AsyncSession,
    *,
    owner_id: UUID,
    purpose: ConsentPurpose,
    channel: ConsentChannel,
    evidence_file_id: UUID | None,
    note: str | None,
    principal: Principal,
    now: datetime,
) -> Consent:
    """Record that an owner takes a consent back, or refuses one never given. Always possible, and in force at once.

    Raises `OwnerNotFound`, `OutOfReach`, `FileNotUsable`.
    """
    await owner_for_change(session, owner_id=owner_id, principal=principal)
    made = Consent(
        owner_id=owner_id,
        purpose=purpose,
        given=False,
        at=now,
        channel=channel,
        text_version=None,
        evidence_file_id=evidence_file_id,
        note=note,
    )
    return await _keep(session, made, principal=principal, now=now)


async def state_own(
    session: AsyncSession,
    *,
    purpose: ConsentPurpose,
    given: bool,
    text_version: str | None,
    principal: Principal,
    now: datetime,
) -> Consent:
    """Record what an owner, who calls himself, agrees to or takes back; raises `OwnerNotFound` for anybody else."""
    if principal.owner_id is None:
        raise OwnerNotFound
    made = Consent(
        owner_id=principal.owner_id,
        purpose=purpose,
        given=given,
        at=now,
        channel=ConsentChannel.PORTAL,
        text_version=text_version,
    )
    return await _keep(session, made, principal=principal, now=now)


async def holds(connection: AsyncConnection | AsyncSession, *, owner_id: UUID, purpose: ConsentPurpose) -> bool:
    """Say whether an owner agrees to a purpose now; who never said so does not."""
    query = (
        select(Consent.given)
        .where(Consent.owner_id == owner_id, Consent.purpose == purpose)
        .order_by(Consent.at.desc(), Consent.id.desc())
        .limit(1)
    )
    return bool((await connection.execute(query)).scalar())


def agreeing(purpose: ConsentPurpose) -> ColumnElement[bool]:
    """Return the condition on `owner` that he agrees to a purpose now; for lists of other rooms."""
    return repository_records.consents_to(purpose)


async def _keep(session: AsyncSession, made: Consent, *, principal: Principal, now: datetime) -> Consent:
    projects = await projects_of(session, owner_id=made.owner_id)
    if made.evidence_file_id is not None:
        files, about = [made.evidence_file_id], [made.owner_id]
        await evidence.check(session, file_ids=files, about=about, project_ids=projects, principal=principal, now=now)
    made.id = uuid7()
    made.recorded_by, made.recorded_by_name, made.recorded_at = principal.id, principal.name, now
    session.add(made)
    await session.flush()
    data: dict[str, Any] = {"purpose": made.purpose.value, "consent_id": str(made.id), "channel": made.channel.value}
    await timeline.record(
        session,
        kind="owner.consented" if made.given else "owner.consent_withdrawn",
        subject_kind="owner",
        subject_id=made.owner_id,
        actor=principal,
        now=now,
        project_id=min(projects, default=None),
        rules=("OWN-07",),
        data=data,
    )
    return made
