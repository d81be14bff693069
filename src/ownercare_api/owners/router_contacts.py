"""Contacts of owners."""

from uuid import UUID

from fastapi import APIRouter, Response

from ownercare_api.core.clock import business_date
from ownercare_api.core.http.etag import IfMatch, put_version
from ownercare_api.core.http.paging import PageOf, PageParams
from ownercare_api.core.http.route import OwnerCareRoute
from ownercare_api.core.http.state import Now, State
from ownercare_api.core.http.transaction import Reader, Tx
from ownercare_api.core.listing import newest_first
from ownercare_api.files.service import FileNotUsable
from ownercare_api.identity.principal import OutOfReach, Principal
from ownercare_api.owners import contacts, looks, repository, restriction, service
from ownercare_api.owners import repository_records as records
from ownercare_api.owners.access import OwnersRead, OwnersWrite
from ownercare_api.owners.contacts import ContactNotFound
from ownercare_api.owners.looks import Look
from ownercare_api.owners.models_records import OwnerContactPerson
from ownercare_api.owners.restriction import OwnerRestricted
from ownercare_api.owners.router_parts import patches, reads, writes
from ownercare_api.owners.schemas_records import ContactCreate, ContactRead, ContactUpdate
from ownercare_api.owners.service import OwnerNotFound

router = APIRouter(prefix="/v1", tags=["owners"], route_class=OwnerCareRoute)


@router.get(
    "/owners/{owner_id}/contacts",
    **reads(
        "owners_contacts_list",
        "Contacts of an owner (联系人)",
        OwnerNotFound,
        OwnerRestricted,
        rules=("OWN-01", "OWN-07"),
        model=PageOf[ContactRead],
        paged=True,
    ),
)
async def owners_contacts_list(
    principal: OwnersRead, reader: Reader, now: Now, paging: PageParams, owner_id: UUID
) -> Response:
    """Everybody to turn to about an owner, masked, newest first; ended ones too."""
    await _unrestricted(reader, owner_id=owner_id, principal=principal)
    query = records.contacts(owner_id=owner_id)
    page = await newest_first(reader, query=query, key=OwnerContactPerson.__table__.c.id, wanted=paging.wanted)
    await looks.record(reader, owner_ids=[owner_id], actor=principal, look=Look.RECORD, now=now)
    return paging.answer(page, show=lambda row: dict(row._mapping))


@router.post(
    "/owners/{owner_id}/contacts",
    **writes(
        "owners_contacts_create",
        "Add a contact (新增联系人)",
        contacts.TooManyContacts,
        contacts.AuthorisationMissing,
        contacts.ContactPeriod,
        FileNotUsable,
        rules=("OWN-01", "OWN-07", "OWN-15"),
        model=ContactRead,
    ),
)
async def owners_contacts_create(
    principal: OwnersWrite, session: Tx, state: State, now: Now, response: Response, owner_id: UUID, body: ContactCreate
) -> ContactRead:
    """Somebody to turn to: in an emergency (紧急联系人), of the family (家属), an agent (代理人). The number is kept
    encrypted; a search for it finds the owner. Who may speak for the owner does so by an authorisation."""
    fields = body.model_dump() | {"valid_from": body.valid_from or business_date(now)}
    made = await contacts.add(
        session,
        owner_id=owner_id,
        new=contacts.NewContact(**fields),
        keyring=state.keyring,
        principal=principal,
        now=now,
    )
    response.headers["Location"] = f"/v1/owners/{owner_id}/contacts/{made.id}"
    return await _answer(session, response, owner_id=owner_id, contact_id=made.id)


@router.get(
    "/owners/{owner_id}/contacts/{contact_id}",
    **reads(
        "owners_contacts_read",
        "A contact of an owner (联系人详情)",
        OwnerNotFound,
        OwnerRestricted,
        ContactNotFound,
        rules=("OWN-01", "OWN-07"),
        model=ContactRead,
    ),
)
async def owners_contacts_read(
    principal: OwnersRead, reader: Reader, now: Now, response: Response, owner_id: UUID, contact_id: UUID
) -> ContactRead:
    """One contact, masked."""
    await _unrestricted(reader, owner_id=owner_id, principal=principal)
    found = await _answer(reader, response, owner_id=owner_id, contact_id=contact_id)
    await looks.record(reader, owner_ids=[owner_id], actor=principal, look=Look.RECORD, now=now)
    return found


@router.patch(
    "/owners/{owner_id}/contacts/{contact_id}",
    **patches(
        "owners_contacts_update",
        "Change a contact (修改联系人)",
        ContactNotFound,
        contacts.ContactEnded,
        contacts.AuthorisationMissing,
        contacts.ContactPeriod,
        FileNotUsable,
        rules=("OWN-01", "OWN-07", "OWN-15"),
        model=ContactRead,
    ),
)
async def owners_contacts_update(
    principal: OwnersWrite, session: Tx, state: State, now: Now, response: Response, if_match: IfMatch, owner_id: UUID,
    contact_id: UUID, body: ContactUpdate,
) -> ContactRead:  # fmt: skip
    """JSON Merge Patch; another number takes the place of the present one."""
    contact = await contacts.for_change(session, owner_id=owner_id, contact_id=contact_id, principal=principal)
    if_match.check(contact.version)
    changes = body.model_dump(exclude_unset=True)
    await contacts.update(
        session, contact=contact, changes=changes, keyring=state.keyring, principal=principal, now=now
    )
    return await _answer(session, response, owner_id=owner_id, contact_id=contact_id)


@router.delete(
    "/owners/{owner_id}/contacts/{contact_id}",
    **patches(
        "owners_contacts_delete",
        "End a contact (停用联系人)",
        OutOfReach,
        ContactNotFound,
        contacts.ContactEnded,
        rules=("OWN-01", "OWN-04"),
        status=204,
    ),
)
async def owners_contacts_delete(
    principal: OwnersWrite, session: Tx, now: Now, if_match: IfMatch, owner_id: UUID, contact_id: UUID
) -> Response:
    """From today on nobody turns to this contact, and its number finds the owner no more; the record of it stays."""
    contact = await contacts.for_change(session, owner_id=owner_id, contact_id=contact_id, principal=principal)
    if_match.check(contact.version)
    await contacts.end(session, contact=contact, principal=principal, now=now)
    return Response(status_code=204)


async def _unrestricted(reader: Reader, *, owner_id: UUID, principal: Principal) -> None:
    """The contacts of a restricted record are for who handles the requests of the persons concerned."""
    row = await service.ensure_visible(reader, owner_id=owner_id, principal=principal)
    if row.restricted_at is not None and not restriction.may_see(principal):
        raise OwnerRestricted


async def _answer(
    connection: repository.Connection, response: Response, *, owner_id: UUID, contact_id: UUID
) -> ContactRead:
    row = await records.contact(connection, owner_id=owner_id, contact_id=contact_id)
    if row is None:
        raise ContactNotFound
    put_version(response, row.version)
    return ContactRead.model_validate(row)
