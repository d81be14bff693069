"""What identity must know of the company tree and asks from above: which projects a region or a firm has."""

from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass
from uuid import UUID

from ownercare_api.identity.repository import Connection

ProjectsOf = Callable[[Connection, Collection[UUID]], Awaitable[frozenset[UUID]]]


@dataclass(frozen=True, slots=True)
class Directory:
    """Hooks that `app` and `worker` plug in."""

    projects_of_regions: ProjectsOf
