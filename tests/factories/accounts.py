"""Changes of firms' bank accounts, as they are sent, and their evidence."""

from datetime import datetime
from typing import Any
from uuid import UUID

import httpx
from sqlalchemy.ext.asyncio import AsyncSession
from tests.factories.files import make_file
from tests.factories.people import Actor

from ownercare_api.files.models import FilePurpose

NEW_ACCOUNT = "6222 0210-0100 8888 777"
CALLED = {"verification": "called_back", "note": "回拨档案所留号码,财务孙丽逐位核对无误"}


async def letter(session: AsyncSession, *, project_id: UUID, by: Actor, now: datetime) -> UUID:
    """Insert the firm's sealed letter as an attachment."""
    made = await make_file(session, project_id=project_id, uploaded_by=by.id, now=now, purpose=FilePurpose.DOCUMENT)
    return made.id


def new_account(file_id: UUID, **more: Any) -> dict[str, Any]:
    """Return the body of a change."""
    return {
        "bank_name": "临澜银行滨江支行",
        "bank_account": NEW_ACCOUNT,
        "bank_account_holder": "临澜安庭物业服务有限公司",
        "reason": "原开户行网点撤销",
        "evidence_file_ids": [str(file_id)],
        **more,
    }


async def entered(
    client: httpx.AsyncClient,
    session: AsyncSession,
    *,
    firm_id: UUID,
    project_id: UUID,
    by: Actor,
    now: datetime,
    **more: Any,
) -> str:
    """Enter a change over HTTP, with these fields of its body besides; returns its path."""
    body = new_account(await letter(session, project_id=project_id, by=by, now=now), **more)
    made = await client.post(f"/v1/firms/{firm_id}/bank-account-changes", json=body, headers=by.headers)
    assert made.status_code == 201, made.text
    return made.headers["location"]
