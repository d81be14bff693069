"""The caller of a request, and how far each of its scopes reaches."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any
from uuid import UUID

from ownercare_api.core.errors import Forbidden


class PrincipalKind(StrEnum):
    """What kind of caller acts."""

    STAFF = "staff"
    FIRM_USER = "firm_user"
    OWNER = "owner"
    CLIENT = "client"
    SYSTEM = "system"


class OutOfReach(Forbidden):
    """403: the caller holds the scope, but not for this project or firm."""

    code = "out_of_reach"
    zh = "您在此项目或合作单位没有该权限。"
    en = "You do not hold this permission for this project or firm."


@dataclass(frozen=True, slots=True)
class Reach:
    """Where a scope holds: everywhere, in some projects, or for what concerns one's own firm."""

    everywhere: bool = False
    projects: frozenset[UUID] = frozenset()
    firms: frozenset[UUID] = frozenset()

    def covers(self, *, project_id: UUID | None, firm_ids: Iterable[UUID | None] = ()) -> bool:
        """Say whether something in a project, concerning some firms, is within reach."""
        return self.everywhere or project_id in self.projects or any(firm in self.firms for firm in firm_ids)

    def holds(self, other: "Reach") -> bool:
        """Say whether everything within another reach is within this one."""
        if self.everywhere:
            return True
        return not other.everywhere and other.projects <= self.projects and other.firms <= self.firms


@dataclass(frozen=True, slots=True)
class Grant:
    """A role in force now: its scopes within one reach."""

    role: str
    scopes: frozenset[str]
    reach: Reach
    lent_by: UUID | None = None
    """The person who lent it (授权委托); None: one's own."""


@dataclass(frozen=True)
class Principal:
    """Who calls. Staff, firm users and owners are persons: `id` is the account; the maker-checker rules compare persons
    with `acting`."""

    kind: PrincipalKind
    id: UUID
    name: str
    grants: tuple[Grant, ...]
    department: str | None = None
    post: str | None = None
    firm_id: UUID | None = None
    session_id: UUID | None = None
    owner_id: UUID | None = None
    """The record of an owner who calls for himself (业主); such a caller has no reach but what is his own."""
    must_change_password: bool = False
    """The password was given by an administrator: until there is a new one, no scope is held."""
    requests_per_minute: int | None = None
    """The quota of a machine that has one of its own."""
    scopes: frozenset[str] = field(init=False)
    _reaches: dict[str, Reach] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "scopes", frozenset().union(*(grant.scopes for grant in self.grants)))
        object.__setattr__(self, "_reaches", {})

    def reach(self, scope: str) -> Reach:
        """Return how far a scope reaches; nowhere when it is not held."""
        found = self._reaches.get(scope)
        if found is None:
            held = [grant.reach for grant in self.grants if scope in grant.scopes]
            found = self._reaches[scope] = Reach(
                everywhere=any(reach.everywhere for reach in held),
                projects=frozenset().union(*(reach.projects for reach in held)),
                firms=frozenset().union(*(reach.firms for reach in held)),
            )
        return found

    def may(self, scope: str, *, project_id: UUID | None, firm_ids: Iterable[UUID | None] = ()) -> bool:
        """Say whether the scope is held for a project or one of some firms."""
        return scope in self.scopes and self.reach(scope).covers(project_id=project_id, firm_ids=firm_ids)

    def require(self, scope: str, *, project_id: UUID | None, firm_ids: Iterable[UUID | None] = ()) -> None:
        """Raise `OutOfReach` unless the scope is held for the project or one of the firms."""
        if not self.may(scope, project_id=project_id, firm_ids=firm_ids):
            raise OutOfReach

    def acting(self, scope: str, *, project_id: UUID | None, firm_ids: Iterable[UUID | None] = ()) -> frozenset[UUID]:
        """Return the persons who act when the caller uses a scope here: the caller, and who lent it if it is lent.

        One who holds the scope here by a grant of his own acts for nobody else. Maker is never checker by person
        (reading 10): none of these persons may be a maker of what is checked, so authority lent by the maker, or lent
        to the maker, leads nowhere.
        """
        firms = tuple(firm_ids)
        lenders = {
            grant.lent_by
            for grant in self.grants
            if scope in grant.scopes and grant.reach.covers(project_id=project_id, firm_ids=firms)
        }
        return frozenset({self.id}) if None in lenders else frozenset({self.id, *(one for one in lenders if one)})

    def on_behalf_of(
        self, scope: str, *, project_id: UUID | None, firm_ids: Iterable[UUID | None] = ()
    ) -> dict[str, list[str]]:
        """Return `{"on_behalf_of": […]}` for the event of a step taken with lent authority; else nothing."""
        lenders = self.acting(scope, project_id=project_id, firm_ids=firm_ids) - {self.id}
        return {"on_behalf_of": sorted(map(str, lenders))} if lenders else {}

    @property
    def authority(self) -> list[dict[str, Any]]:
        """Return what is held now as JSON values, for `require_authority` to compare with later."""
        return [
            {
                "scopes": sorted(grant.scopes),
                "everywhere": grant.reach.everywhere,
                "projects": sorted(map(str, grant.reach.projects)),
                "firms": sorted(map(str, grant.reach.firms)),
            }
            for grant in self.grants
        ]

    def require_authority(self, authority: Iterable[dict[str, Any]]) -> None:
        """Raise `OutOfReach` unless all of this is still held: an answer given to more power is not given again."""
        for held in authority:
            reach = Reach(
                everywhere=held["everywhere"],
                projects=frozenset(map(UUID, held["projects"])),
                firms=frozenset(map(UUID, held["firms"])),
            )
            if not all(scope in self.scopes and self.reach(scope).holds(reach) for scope in held["scopes"]):
                raise OutOfReach

    @property
    def caller(self) -> str:
        """Return a stable name of the caller for idempotency keys."""
        return f"{self.kind.value}:{self.id}"


SYSTEM = Principal(kind=PrincipalKind.SYSTEM, id=UUID(int=0), name="系统", grants=())
"""The worker and the migrations, as the actor of their events."""
