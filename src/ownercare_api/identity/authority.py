"""How far somebody may administer: read from his own grants at the moment of the change, not from what a process knows.

Administration needs to know whole regions (one who holds every project of a region today does not hold the region), and
is never exercised with lent authority or by machines. So the reach of a `Principal` is not enough here.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from ownercare_api.core.errors import Forbidden
from ownercare_api.identity import repository_admin as repository
from ownercare_api.identity.models import Account, AccountKind, GrantLevel
from ownercare_api.identity.principal import OutOfReach, Principal, PrincipalKind
from ownercare_api.identity.repository import Connection
from ownercare_api.identity.roles import roles_with
from ownercare_api.identity.surroundings import Surroundings

MANAGE, CLIENTS = "identity:manage", "clients:manage"
NEVER_LENT = frozenset({MANAGE, CLIENTS})
"""Scopes that bring authority about: a role with one of them is not lent, and machines never get them."""


class OwnAccount(Forbidden):
    """403: nobody administers himself."""

    code = "own_account"
    zh = "不得管理本人的账号或为本人授权,请由其他管理员办理。"
    en = "Nobody administers an account or grants of his own; ask another administrator."
    rules = ("ORG-10",)


@dataclass(frozen=True, slots=True)
class Authority:
    """Where one may administer: everywhere, or in whole regions and single projects."""

    everywhere: bool = False
    regions: frozenset[UUID] = frozenset()
    projects: frozenset[UUID] = frozenset()
    """Those granted singly and those of the regions."""

    def covers(self, level: GrantLevel, target_id: UUID | None) -> bool:
        """Say whether a grant's reach lies within. Partner firms are the whole company's."""
        if self.everywhere:
            return True
        if level is GrantLevel.REGION:
            return target_id in self.regions
        return level is GrantLevel.PROJECT and target_id in self.projects

    def covers_all(self, level: GrantLevel, target_ids: Iterable[UUID]) -> bool:
        """Say whether all the places of a machine lie within; none are named for the company."""
        targets = list(target_ids)
        return all(self.covers(level, target_id) for target_id in targets) if targets else self.covers(level, None)

    def require(self, level: GrantLevel, target_id: UUID | None) -> None:
        """Raise `OutOfReach` unless it lies within."""
        if not self.covers(level, target_id):
            raise OutOfReach

    def administers(self, person: Account, *, standing: Iterable[tuple[GrantLevel, UUID | None]]) -> bool:
        """Say whether a person may be administered: all that he holds or will hold, also what is lent to him.

        Otherwise an administrator of one project could give himself the password of somebody who reaches further.
        """
        if self.everywhere:
            return True
        if person.kind is not AccountKind.STAFF or not (self.regions or self.projects):
            return False
        return all(self.covers(level, target_id) for level, target_id in standing)


NOWHERE = Authority()


async def of(
    connection: Connection, *, principal: Principal, scope: str, surroundings: Surroundings, now: datetime
) -> Authority:
    """Return how far a caller may administer by a scope; nowhere for machines, firm users and lent authority."""
    if principal.kind is not PrincipalKind.STAFF or scope not in principal.scopes:
        return NOWHERE
    rows = await repository.places_of(connection, account_id=principal.id, roles=roles_with(scope), now=now)
    regions = frozenset(row.target_id for row in rows if row.level is GrantLevel.REGION)
    return Authority(
        everywhere=any(row.level is GrantLevel.COMPANY for row in rows),
        regions=regions,
        projects=frozenset(row.target_id for row in rows if row.level is GrantLevel.PROJECT)
        | (await surroundings.projects_of_regions(connection, regions) if regions else frozenset()),
    )
