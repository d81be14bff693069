"""Who asked for something, as they stand now: the worker acts with their present authority, never with a former one."""

from datetime import datetime
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from ownercare_api.core.errors import Forbidden
from ownercare_api.identity import service as identity
from ownercare_api.identity.directory import Directory
from ownercare_api.identity.principal import Principal, PrincipalKind


class PersonsOnly(Forbidden):
    """403: rosters go in and out at the hands of employees."""

    code = "persons_only"
    zh, en = "名册的导入导出只能由本公司员工办理。", "Rosters are imported and exported by employees only."
    rules = ("OWN-07", "ORG-10")


def require_person(principal: Principal) -> None:
    """Raise `PersonsOnly` for machines and users of partner firms."""
    if principal.kind is not PrincipalKind.STAFF:
        raise PersonsOnly


async def present(session: AsyncSession, *, account_id: UUID, directory: Directory, now: datetime) -> Principal | None:
    """Return a person with what he may do now; None for one who is disabled."""
    account = await identity.active_person(session, account_id=account_id)
    if account is None:
        return None
    return await identity.load_person(session, account=account, session_id=None, directory=directory, now=now)
