"""What the administration of people asks from above: the company tree, the partner firms, and the timeline."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from uuid import UUID

from ownercare_api.identity.directory import ProjectsOf, Record
from ownercare_api.identity.models import GrantLevel
from ownercare_api.identity.repository import Connection


@dataclass(frozen=True, slots=True)
class Surroundings:
    """Hooks that `app` plugs in."""

    record: Record
    projects_of_regions: ProjectsOf
    target_exists: Callable[[Connection, GrantLevel, UUID], Awaitable[bool]]
    """Whether there is such a regional company, project or active firm, as the level says."""
    firm_kind: Callable[[Connection, UUID], Awaitable[str | None]]
    """The kind of an active partner firm (`contractor`, `property_company`); None: there is none."""
