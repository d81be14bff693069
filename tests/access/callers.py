"""Everybody who appears in the columns of the matrix."""

from dataclasses import dataclass, field
from datetime import timedelta

from sqlalchemy import update
from tests.access.case import Case
from tests.access.world import Place, World
from tests.factories.people import Actor

from ownercare_api.core.ids import uuid7
from ownercare_api.identity.models import ApiClient, GrantLevel, RoleGrant
from ownercare_api.identity.principal import Grant, Principal, PrincipalKind, Reach
from ownercare_api.identity.roles import ROLES
from ownercare_api.identity.service import OWNER_ROLE

FIRM_ROLES = {
    "property_company_manager": "company",
    "repair_captain": "company",
    "repair_worker": "company",
    "contractor_representative": "contractor",
}
MACHINES = ("machine", "machine:company", "machine:contractor")


@dataclass
class Column:
    """Somebody who calls; without an actor nobody is logged in."""

    name: str
    actor: Actor | None
    principal: Principal | None
    headers: dict[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, name: str, actor: Actor) -> "Column":
        """Make the column of a person."""
        return cls(name, actor, actor.principal, actor.headers)


class Callers:
    """Everybody who appears in the columns, made once."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.own = world.places["O"]
        self.columns: list[Column] = []
        self._right: dict[str, Column] = {}
        self._machines: dict[tuple[str, frozenset[str]], Column] = {}

    async def make(self) -> None:
        """Make a person for each role, and one who looks everywhere but acts in one project."""
        people, project_id = self.world.people, self.own.org.project.id
        for role in ROLES:
            if role == OWNER_ROLE:
                actor = self.own.people["owner_login"]
            elif role in FIRM_ROLES:
                actor = await people.firm_user(role, firm_id=self.own.things[FIRM_ROLES[role]])
            else:
                actor = await people.staff(role, project_id=project_id)
            self.columns.append(Column.of(role, actor))
        self.columns.append(await self._looking_everywhere())
        self.columns.append(Column("anonymous", None, None))

    async def _looking_everywhere(self) -> Column:
        """Return a manager of the own project who may look at everything: sees more than may be acted on."""
        people, session = self.world.people, self.world.session
        actor = await people.staff("customer_service_manager", project_id=self.own.org.project.id)
        session.add(
            RoleGrant(
                id=uuid7(),
                account_id=actor.id,
                role="data_analyst",
                level=GrantLevel.COMPANY,
                target_id=None,
                starts_at=self.world.now - timedelta(days=1),
            )
        )
        await session.flush()
        assert actor.principal is not None
        look = Grant("data_analyst", ROLES["data_analyst"].scopes, Reach(everywhere=True))
        grants = (*actor.principal.grants, look)
        principal = Principal(PrincipalKind.STAFF, actor.id, actor.name, grants, department="customer_service")
        actor.principal, actor.scopes = principal, principal.scopes
        return Column.of("manager+look", actor)

    async def machine(self, name: str, scopes: frozenset[str]) -> Column:
        """Return a machine with these scopes, for the own project (`machine`) or the own firm."""
        found = self._machines.get((name, scopes))
        if found is None:
            level = GrantLevel.PROJECT if name == "machine" else GrantLevel.FIRM
            things = self.own.things
            target = {
                "machine": self.own.org.project.id,
                "machine:company": things["company"],
                "machine:contractor": things["contractor"],
            }[name]
            actor = await self.world.people.machine(*sorted(scopes), level=level, targets=(target,))
            await self.world.session.execute(
                update(ApiClient).where(ApiClient.id == actor.id).values(requests_per_minute=1_000_000)
            )
            firm = level is GrantLevel.FIRM
            reach = Reach(firms=frozenset({target})) if firm else Reach(projects=frozenset({target}))
            principal = Principal(
                PrincipalKind.CLIENT,
                actor.id,
                actor.name,
                (Grant("client", scopes, reach),),
                firm_id=target if firm else None,
            )
            found = self._machines[(name, scopes)] = Column(name, actor, principal, actor.headers)
        return found

    async def right(self, case: Case, place: Place) -> Column | None:
        """Return the person to whom the request is allowed at a place."""
        if not case.right or case.right == "machine":
            return None
        key = f"{place.letter}:{case.right}" if case.right in place.people else case.right
        if key not in self._right:
            actor = place.people.get(case.right) or await self.world.people.staff(case.right)
            self._right[key] = Column.of("right", actor)
        return self._right[key]
