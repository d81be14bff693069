"""Logged-in people and machines."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from ownercare_api.core.ids import uuid7
from ownercare_api.identity.models import Account, AccountKind, ApiClient, AuthSession, GrantLevel, RoleGrant
from ownercare_api.identity.principal import Principal, PrincipalKind
from ownercare_api.identity.roles import ROLES
from ownercare_api.identity.service import OWNER_ROLE, load_person
from ownercare_api.identity.service import Desk as IdentityDesk

_DEPARTMENTS = {
    "finance_officer": "finance",
    "auditor": "audit",
    "design_engineer": "design",
    "engineering_material_engineer": "engineering_material",
    "general_manager": "general_office",
    "deputy_general_manager": "general_office",
    "deputy_chief_engineer": "general_office",
    "system_administrator": "information",
}


@dataclass
class Actor:
    """A caller with a valid token."""

    id: UUID
    name: str
    kind: PrincipalKind
    session_id: UUID
    scopes: frozenset[str]
    desk: IdentityDesk
    clock: Callable[[], datetime]
    principal: Principal | None = None
    generation: int = 0

    @property
    def token(self) -> str:
        """Sign a token that is good at the test's present instant."""
        pair = self.desk.keys._pairs[self.desk.keys._current]
        token, _ = self.desk.mint.sign(
            key=pair,
            kind=self.kind.value,
            subject=self.id,
            session_id=self.session_id,
            scopes=self.scopes,
            now=self.clock(),
            generation=self.generation,
        )
        return token

    @property
    def headers(self) -> dict[str, str]:
        """Return the request headers of this caller."""
        return {"Authorization": f"Bearer {self.token}"}


@dataclass
class Desk:
    """Makes people in the test's database."""

    session: AsyncSession
    desk: IdentityDesk
    clock: Callable[[], datetime]
    made: int = 0

    async def staff(
        self, *roles: str, project_id: UUID | None = None, region_id: UUID | None = None, name: str | None = None
    ) -> Actor:
        """Make an employee with these roles, company-wide unless a project or region is named."""
        level, target = GrantLevel.COMPANY, None
        if project_id is not None:
            level, target = GrantLevel.PROJECT, project_id
        if region_id is not None:
            level, target = GrantLevel.REGION, region_id
        return await self._person(AccountKind.STAFF, roles, level=level, target=target, firm_id=None, name=name)

    async def firm_user(self, *roles: str, firm_id: UUID, name: str | None = None) -> Actor:
        """Make a user of a partner firm."""
        return await self._person(
            AccountKind.FIRM_USER, roles, level=GrantLevel.FIRM, target=firm_id, firm_id=firm_id, name=name
        )

    async def owner(self, owner_id: UUID) -> Actor:
        """Log an owner in: an account without a person's name, that reaches only what is the owner's own."""
        self.made += 1
        account = Account(
            id=uuid7(),
            kind=AccountKind.OWNER,
            username=f"owner:{owner_id}",
            name="业主",
            post=OWNER_ROLE,
            owner_id=owner_id,
        )
        return await self._log_in(account, (), level=GrantLevel.COMPANY, target=None)

    async def machine(
        self, *scopes: str, level: GrantLevel = GrantLevel.COMPANY, targets: tuple[UUID, ...] = ()
    ) -> Actor:
        """Make a machine client."""
        self.made += 1
        firm = targets[0] if level is GrantLevel.FIRM else None
        client = ApiClient(
            id=uuid7(),
            name=f"接入系统{self.made}",
            client_id=f"client-{self.made}",
            scopes=list(scopes),
            level=level,
            target_ids=list(targets),
            firm_id=firm,
        )
        self.session.add(client)
        await self.session.flush()
        return Actor(
            id=client.id,
            name=client.name,
            kind=PrincipalKind.CLIENT,
            session_id=client.id,
            scopes=frozenset(scopes),
            desk=self.desk,
            clock=self.clock,
            generation=client.version,
        )

    async def _person(
        self,
        kind: AccountKind,
        roles: tuple[str, ...],
        *,
        level: GrantLevel,
        target: UUID | None,
        firm_id: UUID | None,
        name: str | None,
    ) -> Actor:
        self.made += 1
        account = Account(
            id=uuid7(),
            kind=kind,
            username=f"{roles[0]}{self.made}",
            name=name or f"{ROLES[roles[0]].zh}{self.made}",
            post=roles[0],
            department=None if firm_id else _DEPARTMENTS.get(roles[0], "customer_service"),
            firm_id=firm_id,
        )
        return await self._log_in(account, roles, level=level, target=target)

    async def _log_in(
        self, account: Account, roles: tuple[str, ...], *, level: GrantLevel, target: UUID | None
    ) -> Actor:
        self.session.add(account)
        await self.session.flush()
        began = self.clock() - timedelta(days=365)
        opened = AuthSession(
            id=uuid7(),
            account_id=account.id,
            created_at=began,
            expires_at=self.clock() + timedelta(days=3650),
            refresh_digest=b"",
            generation=1,
        )
        self.session.add(opened)
        for role in roles:
            grant = RoleGrant(id=uuid7(), account_id=account.id, role=role, level=level, target_id=target)
            grant.starts_at = began
            self.session.add(grant)
        await self.session.flush()
        principal = await load_person(
            self.session, account=account, session_id=opened.id, directory=self.desk.directory, now=self.clock()
        )
        return Actor(
            id=account.id,
            name=account.name,
            kind=principal.kind,
            session_id=opened.id,
            scopes=principal.scopes,
            desk=self.desk,
            clock=self.clock,
            principal=principal,
        )
