"""Every SELECT of the administration of people: who sees which accounts, grants, delegations and machines."""

from collections.abc import Collection
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ARRAY, ColumnElement, Select, Uuid, and_, cast, false, func, or_, select, true, union_all
from sqlalchemy.orm import aliased

from ownercare_api.core.listing import containing
from ownercare_api.identity.models import (
    Account,
    AccountKind,
    ApiClient,
    AuthSession,
    ClientSecret,
    Delegation,
    GrantLevel,
    RoleGrant,
)
from ownercare_api.identity.principal import Principal, PrincipalKind, Reach
from ownercare_api.identity.repository import Connection
from ownercare_api.identity.roles import roles_with

READ, MANAGE = "identity:read", "identity:manage"

A: Any = Account.__table__.c
G: Any = RoleGrant.__table__.c
Lender, Deputy = aliased(Account, name="lender"), aliased(Account, name="deputy")

GRANT: list[Any] = [
    G.id, G.account_id, Account.name.label("person_name"), G.role, G.level, G.target_id, G.starts_at, G.ends_at,
    G.granted_by, G.ended_by, G.reason,
]  # fmt: skip
DELEGATION: list[Any] = [
    *Delegation.__table__.c, RoleGrant.role, RoleGrant.level, RoleGrant.target_id,
    RoleGrant.starts_at.label("grant_starts_at"), RoleGrant.ends_at.label("grant_ends_at"),
    Lender.name.label("from_name"), Deputy.name.label("to_name"),
    or_(Lender.disabled_at.is_not(None), Lender.must_change_password).label("from_rests"),
]  # fmt: skip
LOGIN: list[Any] = [
    AuthSession.id, AuthSession.account_id, AuthSession.created_at, AuthSession.expires_at, AuthSession.revoked_at,
    AuthSession.revoked_because,
]  # fmt: skip
SECRET: list[Any] = [
    ClientSecret.id, ClientSecret.client_id, ClientSecret.hint, ClientSecret.created_at, ClientSecret.expires_at,
    ClientSecret.last_used_at,
]  # fmt: skip


def sight(principal: Principal) -> Reach:
    """Return where a caller may look at people and grants: to manage them is to see them."""
    reading, managing = principal.reach(READ), principal.reach(MANAGE)
    return Reach(
        everywhere=reading.everywhere or managing.everywhere,
        projects=reading.projects | managing.projects,
        firms=reading.firms | managing.firms,
    )


def in_force(now: datetime) -> ColumnElement[bool]:
    """Return the condition that a grant is in force."""
    return and_(RoleGrant.starts_at <= now, or_(RoleGrant.ends_at.is_(None), RoleGrant.ends_at > now))


def people_visible_to(principal: Principal) -> ColumnElement[bool]:
    """Colleagues are no secret among staff; people and machines of a firm see that firm's; owners' accounts nobody."""
    reach, colleague = sight(principal), A.kind != AccountKind.OWNER
    inside = principal.kind is PrincipalKind.STAFF or reach.everywhere or bool(reach.projects)
    if principal.firm_id is not None or not inside:
        return and_(colleague, A.firm_id.in_(list(reach.firms)))
    if reach.everywhere:
        return and_(colleague)
    return and_(colleague, or_(A.firm_id.is_(None), A.firm_id.in_(list(reach.firms))))


def people(
    principal: Principal,
    *,
    now: datetime,
    department: str | None = None,
    post: str | None = None,
    kind: AccountKind | None = None,
    firm_id: UUID | None = None,
    role: str | None = None,
    active: bool | None = None,
    q: str | None = None,
) -> Select[Any]:
    """Return the query of the visible people. User names are looked into only for those who manage people."""
    query = select(*Account.__table__.c).where(people_visible_to(principal))
    for column, value in ((A.department, department), (A.post, post), (A.kind, kind), (A.firm_id, firm_id)):
        if value is not None:
            query = query.where(column == value)
    if role is not None:
        held = select(RoleGrant.id).where(RoleGrant.account_id == A.id, RoleGrant.role == role, in_force(now))
        query = query.where(held.where(grants_visible_to(principal, now=now)).exists())
    if active is not None:
        query = query.where(A.disabled_at.is_(None) if active else A.disabled_at.is_not(None))
    if q is not None:
        columns = (A.name, A.username) if MANAGE in principal.scopes else (A.name,)
        query = query.where(containing(q, *columns))
    return query


def grants_visible_to(principal: Principal, *, now: datetime) -> ColumnElement[bool]:
    """One's own grants; beyond them those that lie wholly within the caller's sight."""
    reach = sight(principal)
    if reach.everywhere:
        return true()
    ways: list[ColumnElement[bool]] = []
    if principal.kind in (PrincipalKind.STAFF, PrincipalKind.FIRM_USER):
        ways.append(RoleGrant.account_id == principal.id)
    if reach.projects:
        ways.append(and_(RoleGrant.level == GrantLevel.PROJECT, RoleGrant.target_id.in_(list(reach.projects))))
    if reach.firms:
        ways.append(and_(RoleGrant.level == GrantLevel.FIRM, RoleGrant.target_id.in_(list(reach.firms))))
    if principal.kind is PrincipalKind.STAFF:
        own = aliased(RoleGrant)
        regions = select(own.target_id).where(
            own.account_id == principal.id,
            own.level == GrantLevel.REGION,
            own.role.in_(roles_with(READ) | roles_with(MANAGE)),
            own.starts_at <= now,
            or_(own.ends_at.is_(None), own.ends_at > now),
        )
        ways.append(and_(RoleGrant.level == GrantLevel.REGION, RoleGrant.target_id.in_(regions)))
    return or_(*ways) if ways else false()


def grants(
    principal: Principal,
    *,
    now: datetime,
    person_id: UUID | None = None,
    role: str | None = None,
    level: GrantLevel | None = None,
    target_id: UUID | None = None,
    active: bool | None = None,
) -> Select[Any]:
    """Return the query of the visible grants. `active` true: in force now; false: ended or not begun."""
    query = (
        select(*GRANT)
        .join_from(RoleGrant, Account, Account.id == RoleGrant.account_id)
        .where(grants_visible_to(principal, now=now))
    )
    for column, value in ((G.account_id, person_id), (G.role, role), (G.level, level), (G.target_id, target_id)):
        if value is not None:
            query = query.where(column == value)
    if active is not None:
        query = query.where(in_force(now) if active else ~in_force(now))
    return query


def delegations(principal: Principal, *, now: datetime) -> Select[Any]:
    """Return the query of the visible delegations: given by or to the caller, or of grants in his sight."""
    ways: list[ColumnElement[bool]] = [
        Delegation.from_account_id == principal.id,
        Delegation.to_account_id == principal.id,
    ]
    if READ in principal.scopes or MANAGE in principal.scopes:
        ways.append(grants_visible_to(principal, now=now))
    return (
        select(*DELEGATION)
        .join_from(Delegation, RoleGrant, RoleGrant.id == Delegation.grant_id)
        .join(Lender, Lender.id == Delegation.from_account_id)
        .join(Deputy, Deputy.id == Delegation.to_account_id)
        .where(or_(*ways))
    )


def delegation_in_force(now: datetime) -> ColumnElement[bool]:
    """Return the condition that a delegation counts: itself, its grant, and the lender, who is neither disabled nor
    left with an initial password."""
    return and_(
        Delegation.starts_at <= now,
        Delegation.ends_at > now,
        Delegation.withdrawn_at.is_(None),
        Lender.disabled_at.is_(None),
        Lender.must_change_password.is_(False),
        in_force(now),
    )


async def places_of(connection: Connection, *, account_id: UUID, roles: Collection[str], now: datetime) -> list[Any]:
    """Return (level, target_id) of an active person's own grants in force of some roles."""
    query = (
        select(RoleGrant.level, RoleGrant.target_id)
        .join(Account, Account.id == RoleGrant.account_id)
        .where(
            RoleGrant.account_id == account_id,
            RoleGrant.role.in_(list(roles)),
            in_force(now),
            Account.disabled_at.is_(None),
        )
    )
    return list((await connection.execute(query)).all())


async def standing(connection: Connection, *, account_id: UUID, now: datetime) -> list[tuple[GrantLevel, UUID | None]]:
    """Return where a person's authority reaches now or will: his own grants and those lent to him."""
    not_over = or_(RoleGrant.ends_at.is_(None), RoleGrant.ends_at > now)
    own = select(RoleGrant.level, RoleGrant.target_id).where(RoleGrant.account_id == account_id, not_over)
    lent = (
        select(RoleGrant.level, RoleGrant.target_id)
        .join(Delegation, Delegation.grant_id == RoleGrant.id)
        .where(
            Delegation.to_account_id == account_id,
            Delegation.withdrawn_at.is_(None),
            Delegation.ends_at > now,
            not_over,
        )
    )
    return [(row.level, row.target_id) for row in await connection.execute(union_all(own, lent))]


async def logins(connection: Connection, *, account_id: UUID, now: datetime) -> Any:
    """Return a person's (open_sessions, last_login_at)."""
    is_open = and_(AuthSession.revoked_at.is_(None), AuthSession.expires_at > now)
    query = select(
        func.count().filter(is_open).label("open_sessions"), func.max(AuthSession.created_at).label("last_login_at")
    ).where(AuthSession.account_id == account_id)
    return (await connection.execute(query)).one()


def sessions(*, account_id: UUID, now: datetime, is_open: bool | None) -> Select[Any]:
    """Return the query of a person's logins, without what would let anybody use them."""
    query = select(*LOGIN).where(AuthSession.account_id == account_id)
    if is_open is not None:
        condition = and_(AuthSession.revoked_at.is_(None), AuthSession.expires_at > now)
        query = query.where(condition if is_open else ~condition)
    return query


def clients(
    *,
    everywhere: bool,
    regions: Collection[UUID],
    projects: Collection[UUID],
    now: datetime,
    active: bool | None = None,
    firm_id: UUID | None = None,
    q: str | None = None,
) -> Select[Any]:
    """Return the query of the machines that lie wholly within these regions and projects, with their live secrets."""
    query = select(*ApiClient.__table__.c, _live_secrets(now).label("live_secrets"))
    if not everywhere:
        query = query.where(
            or_(_within(GrantLevel.REGION, regions), _within(GrantLevel.PROJECT, projects)),
        )
    if active is not None:
        query = query.where(ApiClient.disabled_at.is_(None) if active else ApiClient.disabled_at.is_not(None))
    if firm_id is not None:
        query = query.where(ApiClient.firm_id == firm_id)
    if q is not None:
        query = query.where(containing(q, ApiClient.name, ApiClient.client_id))
    return query


def _within(level: GrantLevel, places: Collection[UUID]) -> ColumnElement[bool]:
    return and_(
        ApiClient.level == level,
        ApiClient.target_ids.bool_op("<@")(cast(list(places), ARRAY(Uuid()))),
    )


def _live_secrets(now: datetime) -> Any:
    return (
        select(func.count())
        .select_from(ClientSecret)
        .where(ClientSecret.client_id == ApiClient.id, secret_is_live(now))
        .correlate(ApiClient)
        .scalar_subquery()
    )


def secret_is_live(now: datetime) -> ColumnElement[bool]:
    """Return the condition that a secret still opens the door."""
    return or_(ClientSecret.expires_at.is_(None), ClientSecret.expires_at > now)


def secrets(*, client_id: UUID, live: bool | None, now: datetime) -> Select[Any]:
    """Return the query of a machine's secrets: never they themselves, only hints and dates."""
    query = select(*SECRET).where(ClientSecret.client_id == client_id)
    if live is not None:
        query = query.where(secret_is_live(now) if live else ~secret_is_live(now))
    return query
