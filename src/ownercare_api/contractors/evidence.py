"""Attachments as evidence for a change of a firm's bank account, such as its sealed letter (账户变更函)."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from ownercare_api.files.models import FilePurpose
from ownercare_api.files.service import keep_with_record
from ownercare_api.identity.principal import Principal

PURPOSES = (FilePurpose.DOCUMENT, FilePurpose.RECORDING)
SEEN_BY = "bank_accounts:confirm"


async def check(session: AsyncSession, *, file_ids: Sequence[UUID], principal: Principal, now: datetime) -> None:
    """Make sure that attachments can be evidence, and keep them with the record; raises `FileNotUsable`.

    Each must be one's own or within one's `files:read`, and of a purpose that proves something. A firm works in many
    projects, so the attachment's own does not matter.
    """
    await keep_with_record(
        session,
        file_ids=file_ids,
        purposes=PURPOSES,
        scope=SEEN_BY,
        fits=lambda file: file.ticket_id is None,
        principal=principal,
        now=now,
    )
