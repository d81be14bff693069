"""What the rooms above ask of work orders; the use cases themselves are in the modules beside."""

from ownercare_api.workorders.approving import SUBJECT_KIND, estimates_total, on_approval_decided
from ownercare_api.workorders.orders import WorkOrderNotFound, account_filed, get
from ownercare_api.workorders.surveys import SurveyNotFound

__all__ = [
    "SUBJECT_KIND",
    "SurveyNotFound",
    "WorkOrderNotFound",
    "account_filed",
    "estimates_total",
    "get",
    "on_approval_decided",
]
