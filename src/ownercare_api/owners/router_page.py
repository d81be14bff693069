"""The 360° page of an owner."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response

from ownercare_api.core.clock import business_date
from ownercare_api.core.errors import FieldError, Invalid
from ownercare_api.core.http.etag import put_version
from ownercare_api.core.http.route import OwnerCareRoute
from ownercare_api.core.http.state import Now, State
from ownercare_api.core.http.transaction import Reader
from ownercare_api.core.pagination import InvalidCursor, PageRequest, decode_cursor, encode_cursor
from ownercare_api.owners import looks, page, repository, restriction, views
from ownercare_api.owners.access import OwnersRead
from ownercare_api.owners.looks import Look
from ownercare_api.owners.page import OwnerPage, Wanted
from ownercare_api.owners.router_parts import reads
from ownercare_api.owners.schemas_changes import OwnerPageRead, SectionRead
from ownercare_api.owners.service import READ, OwnerNotFound

router = APIRouter(prefix="/v1", tags=["owners"], route_class=OwnerCareRoute)

LIMIT, MOST = 10, 50
RESTRICTED = ("homes", "cases")
"""What is left of the page of a restricted record for who may not see it: the cases that are open need that much."""


class UnknownSection(Invalid):
    """422: there is no such section."""

    code = "section_unknown"
    zh, en = "没有此栏目;可用:{known}。", "There is no such section; known: {known}."


class CursorNeedsSection(Invalid):
    """422: a cursor continues one section."""

    code = "cursor_needs_section"
    zh, en = "使用 cursor 时,sections 须且只能填写一个栏目。", "With a cursor, name exactly one section."

    def __init__(self) -> None:
        super().__init__(errors=(FieldError("#/query/sections", self.code, self.zh, self.en),))


@router.get(
    "/owners/{owner_id}/page",
    **reads(
        "owners_page_read",
        "Everything about an owner (业主全景)",
        OwnerNotFound,
        InvalidCursor,
        UnknownSection,
        CursorNeedsSection,
        rules=("OWN-02", "OWN-07", "OWN-10", "OWN-11"),
        model=OwnerPageRead,
    ),
)
async def owners_page_read(
    principal: OwnersRead,
    reader: Reader,
    state: State,
    now: Now,
    request: Request,
    response: Response,
    owner_id: UUID,
    sections: Annotated[list[str] | None, Query(max_length=30, description="only these; all if absent")] = None,
    limit: Annotated[int, Query(ge=1, le=MOST, description="items per section")] = LIMIT,
    cursor: Annotated[str | None, Query(max_length=1000, description="`next_cursor` of the one named section")] = None,
) -> OwnerPageRead:
    """Profile, homes, contacts, households, groups, tags, consents, change requests, cases, communication, complaints
    and satisfaction, work orders, callbacks, surveys, audits and looks, newest first, one statement each. A section is
    left out where the caller lacks its scope, and shows what lies in his reach. The look is on record."""
    known = state.parts[OwnerPage]
    names = {section.name for section in known.sections}
    if sections is not None and not names.issuperset(sections):
        raise UnknownSection(known=", ".join(sorted(names)))
    after = None
    if cursor is not None:
        if sections is None or len(sections) != 1:
            raise CursorNeedsSection
        shape = _shape(request, sections[0])
        after = decode_cursor(cursor=cursor, shape=shape, secret=state.keyring.cursors)
    reach, seen = principal.reach(READ), restriction.may_see(principal)
    row = await repository.owner(reader, owner_id=owner_id, reach=reach)
    if row is None:
        raise OwnerNotFound
    phones = await repository.phones(reader, owner_id=owner_id)
    homes = views.homes_by_owner(await repository.homes(reader, owner_ids=[owner_id], reach=reach))[owner_id]
    wanted = Wanted(owner_id, principal=principal, paging=PageRequest(limit=limit, after=after), now=now)
    if row.restricted_at is not None and not seen:
        sections = [name for name in RESTRICTED if sections is None or name in sections]
    found = await page.load(reader, page=known, names=sections, wanted=wanted)
    await looks.record(reader, owner_ids=[owner_id], actor=principal, look=Look.PAGE, now=now)
    put_version(response, row.version)
    response.headers["Cache-Control"] = "no-store"
    fields = views.full(row, homes=homes, phones=phones, today=business_date(now), seen=seen)
    return OwnerPageRead.model_validate(
        {
            "owner": fields,
            "sections": {
                name: SectionRead(
                    items=list(part.items),
                    next_cursor=None
                    if part.next_key is None
                    else encode_cursor(key=part.next_key, shape=_shape(request, name), secret=state.keyring.cursors),
                )
                for name, part in found.items()
            },
        }
    )


def _shape(request: Request, section: str) -> list[str]:
    return [request.url.path, section]
