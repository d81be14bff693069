"""Every SELECT of the property room."""

from collections.abc import Collection, Mapping
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Select, func, literal, select
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

from ownercare_api.core.listing import containing
from ownercare_api.properties.models import Building, Company, Project, Unit, UnitDelivery
from ownercare_api.properties.models_occupancy import OccupiedBy, UnitOccupancy

Connection = AsyncConnection | AsyncSession
Places = frozenset[UUID] | None
"""The projects that a caller may see; None: all."""

COMPANY: list[Any] = [Company.id, Company.level, Company.parent_id, Company.code, Company.name, Company.version]
PROJECT: list[Any] = [
    Project.id, Project.region_id, Project.code, Project.name, Project.city, Project.address,
    Project.has_sales_office, Project.version,
]  # fmt: skip
BUILDING: list[Any] = [Building.id, Building.project_id, Building.name, Building.floors, Building.version]
UNIT: list[Any] = [
    Unit.id, Unit.project_id, Unit.building_id, Building.name.label("building_name"), Unit.number, Unit.address,
    Unit.floor, Unit.house_type, Unit.purchase_batch, Unit.area_cm2, Unit.delivered_on, Unit.moved_in_on, Unit.version,
]  # fmt: skip


def among(column: Any, places: Places) -> ColumnElement[bool]:
    """Return the condition that a project column is within what a caller may see."""
    return literal(True) if places is None else column.in_(list(places))


def companies() -> Select[Any]:
    """Return the query of the companies: who is who in the group is no secret inside it."""
    return select(*COMPANY)


async def company(connection: Connection, *, company_id: UUID) -> Any:
    """Return a company, or None."""
    return (await connection.execute(companies().where(Company.id == company_id))).one_or_none()


def projects(*, places: Places, region_id: UUID | None = None, q: str | None = None) -> Select[Any]:
    """Return the query of the visible projects."""
    query = select(*PROJECT).where(among(Project.id, places))
    if region_id is not None:
        query = query.where(Project.region_id == region_id)
    if q is not None:
        query = query.where(containing(q, Project.name, Project.code, Project.city, Project.address))
    return query


def buildings(*, places: Places, project_id: UUID) -> Select[Any]:
    """Return the query of a visible project's buildings."""
    return select(*BUILDING).where(Building.project_id == project_id, among(Building.project_id, places))


async def building(connection: Connection, *, building_id: UUID, places: Places) -> Any:
    """Return a building of a visible project; None out of sight."""
    query = select(*BUILDING).where(Building.id == building_id, among(Building.project_id, places))
    return (await connection.execute(query)).one_or_none()


def units(*, places: Places, filters: Mapping[str, Any], occupied: bool | None, q: str | None) -> Select[Any]:
    """Return the query of the visible homes; `filters` are equalities by column name."""
    query = select(*UNIT).join(Building, Building.id == Unit.building_id).where(among(Unit.project_id, places))
    for name, value in filters.items():
        query = query.where(Unit.__table__.c[name] == value)
    if occupied is not None:
        query = query.where(Unit.moved_in_on.is_not(None) if occupied else Unit.moved_in_on.is_(None))
    if q is not None:
        query = query.where(containing(q, Unit.number, Unit.address))
    return query


async def project(connection: Connection, *, project_id: UUID, places: Places) -> Any:
    """Return a visible project; None out of sight."""
    return (await connection.execute(projects(places=places).where(Project.id == project_id))).one_or_none()


async def unit(connection: Connection, *, unit_id: UUID, places: Places) -> Any:
    """Return a visible home with the names of its building and project; None out of sight."""
    query: Select[Any] = (
        select(*UNIT, Project.name.label("project_name"))
        .join(Building, Building.id == Unit.building_id)
        .join(Project, Project.id == Unit.project_id)
        .where(Unit.id == unit_id, among(Unit.project_id, places))
    )
    return (await connection.execute(query)).one_or_none()


async def occupancy(connection: Connection, *, project_id: UUID, places: Places) -> Any:
    """Return the counts of a visible project in one statement; None out of sight."""
    query = (
        select(
            Project.id.label("project_id"),
            func.count(Unit.id).label("units"),
            func.count(Unit.delivered_on).label("delivered"),
            func.count(Unit.moved_in_on).label("moved_in"),
            func.count().filter(UnitOccupancy.occupied_by == OccupiedBy.TENANT).label("rented"),
            func.count(Unit.delivered_on).filter(Unit.moved_in_on.is_(None)).label("vacant"),
        )
        .outerjoin(Unit, Unit.project_id == Project.id)
        .outerjoin(UnitOccupancy, (UnitOccupancy.unit_id == Unit.id) & UnitOccupancy.moved_out_on.is_(None))
        .where(Project.id == project_id, among(Project.id, places))
        .group_by(Project.id)
    )
    return (await connection.execute(query)).one_or_none()


def occupancies(*, unit_id: UUID) -> Select[Any]:
    """Return the query of the households' times in a home."""
    return select(*UnitOccupancy.__table__.c).where(UnitOccupancy.unit_id == unit_id)


def deliveries(*, unit_id: UUID) -> Select[Any]:
    """Return the query of the records of acceptance and hand-over of a home."""
    return select(*UnitDelivery.__table__.c).where(UnitDelivery.unit_id == unit_id)


async def projects_of_regions(connection: Connection, regions: Collection[UUID]) -> frozenset[UUID]:
    """Return the projects of some regional companies."""
    found = await connection.execute(select(Project.id).where(Project.region_id.in_(list(regions))))
    return frozenset(found.scalars())
