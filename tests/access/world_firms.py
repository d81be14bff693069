"""What stands around firms at each place: a change of a bank account that waits, and one that was rejected."""

from uuid import UUID

from tests.access.cases_around import NEW_ACCOUNT
from tests.access.world import EXTRAS, Place, World
from tests.access.world_more import made
from tests.factories.contractors import make_firm
from tests.factories.files import make_file

from ownercare_api.contractors.models import FirmKind
from ownercare_api.files.models import FilePurpose


async def bank_accounts(world: World, place: Place) -> None:
    """What waits is of a firm of its own, for nothing is paid to a firm meanwhile; the rejected change is of the
    property company."""
    session, now, things = world.session, world.now, place.things
    clerk, finance = [await world.people.staff("finance_officer") for _ in range(2)]
    letter = await make_file(
        session, project_id=place.org.project.id, uploaded_by=clerk.id, now=now, purpose=FilePurpose.DOCUMENT
    )
    things["file_letter"] = letter.id
    things["firm_changing"] = (await make_firm(session, kind=FirmKind.CONTRACTOR)).id
    body = {**NEW_ACCOUNT, "evidence_file_ids": [str(letter.id)]}
    for name, firm in (("account_change", "firm_changing"), ("account_change_ended", "company")):
        found = await made(world, clerk, f"/v1/firms/{things[firm]}/bank-account-changes", body)
        things[name] = UUID(found["id"])
    path = f"/v1/firms/{things['company']}/bank-account-changes/{things['account_change_ended']}"
    await made(world, finance, f"{path}/rejection", {"reason": "单位未申请"})


EXTRAS.append(bank_accounts)
