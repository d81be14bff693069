"""What machines and the call centre ask of us."""

from fastapi import APIRouter, Response
from pydantic_core import to_json

from ownercare_api.core.http.route import OwnerCareRoute
from ownercare_api.core.http.state import Now, State
from ownercare_api.core.http.transaction import Tx
from ownercare_api.identity.declaring import operation
from ownercare_api.integrations import screen_pop
from ownercare_api.integrations.access import CallCenterLookup
from ownercare_api.integrations.schemas import CallerLookup, CallerRead

router = APIRouter(prefix="/v1", tags=["integrations"], route_class=OwnerCareRoute)


@router.post(
    "/call-center/caller-lookups",
    **operation(
        "call_center_caller_lookups_create",
        "Who is calling: the agent's screen-pop (来电弹屏)",
        rules=("CHN-03", "CHN-10", "ORG-08", "OWN-07"),
        model=CallerRead,
    ),
)
async def call_center_caller_lookups_create(
    principal: CallCenterLookup, session: Tx, state: State, now: Now, body: CallerLookup
) -> Response:
    """The owners who have a number, masked, with their homes and warranties, open cases and last contacts, and what the
    number registered before without an owner. A number may fit no owner, one, or several who share it. A POST, so that
    numbers never stand in an address; recorded without the number. Shows only what is in the caller's reach."""
    found = await screen_pop.look_up(session, phone=body.phone, keyring=state.keyring, principal=principal, now=now)
    return Response(to_json(found), media_type="application/json", headers={"Cache-Control": "no-store"})
