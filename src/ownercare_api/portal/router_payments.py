"""What an owner pays under his purchase contracts."""

from typing import Any

from fastapi import APIRouter, Response

from ownercare_api.core.clock import business_date
from ownercare_api.core.http.paging import PageOf, PageParams
from ownercare_api.core.http.route import OwnerCareRoute
from ownercare_api.core.http.state import Now
from ownercare_api.core.http.transaction import Reader
from ownercare_api.core.listing import newest_first
from ownercare_api.identity.declaring import lists
from ownercare_api.owners import own_payments
from ownercare_api.owners.models_payments import PaymentPlan
from ownercare_api.owners.own import NotAnOwner, self_of
from ownercare_api.portal.access import MyRead
from ownercare_api.portal.schemas_payments import MyPaymentPlanRead

router = APIRouter(prefix="/v1/my", tags=["my"], route_class=OwnerCareRoute)


@router.get(
    "/payment-plans",
    **lists(
        "my_payment_plans_list",
        "What one pays under one's contracts (本人购房付款计划)",
        NotAnOwner,
        rules=("OWN-13", "SAL-04"),
        model=PageOf[MyPaymentPlanRead],
    ),
)
async def my_payment_plans_list(principal: MyRead, reader: Reader, now: Now, paging: PageParams) -> Response:
    """Every contract of his that has a plan of payments, newest first: what is due when, what was received, and what is
    overdue."""
    query = own_payments.plans(owner_id=self_of(principal))
    page = await newest_first(reader, query=query, key=PaymentPlan.__table__.c.id, wanted=paging.wanted)
    instalments = await own_payments.instalments(
        reader, plan_ids=[row.id for row in page.items], today=business_date(now)
    )

    def show(row: Any) -> dict[str, Any]:
        return dict(row._mapping) | {"instalments": instalments[row.id]}

    return paging.answer(page, show=show)
