"""Which clocks a ticket has, by domain and category: pure."""

from ownercare_api.deadlines.models import ClockKind
from ownercare_api.tickets.lifecycle import Category, Domain

_HOME: dict[Category, tuple[ClockKind, ...]] = {
    Category.COMPLAINT: (ClockKind.RESPONSE, ClockKind.OWNER_FEEDBACK, ClockKind.RESOLUTION),
    Category.REPAIR: (ClockKind.RESPONSE, ClockKind.SITE_SURVEY),
    Category.SUGGESTION: (ClockKind.RESPONSE, ClockKind.OWNER_FEEDBACK),
    Category.CONSULTATION: (ClockKind.RESPONSE,),
    Category.PRAISE: (),
}
_SALES_OFFICE: dict[Category, tuple[ClockKind, ...]] = {
    Category.COMPLAINT: (ClockKind.SALES_OFFICE_FEEDBACK,),
    Category.REPAIR: (ClockKind.FACILITY_RESPONSE, ClockKind.FACILITY_COMPLETION),
    Category.SUGGESTION: (ClockKind.RESPONSE,),
    Category.CONSULTATION: (ClockKind.RESPONSE,),
    Category.PRAISE: (),
}


def of_ticket(*, domain: Domain, category: Category) -> tuple[ClockKind, ...]:
    """Return the clocks that start when the owner turned to us (CMP-02, 03, 10, 12; REP-02, 20; reading 6)."""
    return (_HOME if domain is Domain.OWNER_HOME else _SALES_OFFICE)[category]


def of_department(*, domain: Domain, category: Category) -> tuple[ClockKind, ...]:
    """Return the clocks that start when a department receives the case (CMP-07, CMP-08)."""
    if domain is Domain.OWNER_HOME and category is Category.COMPLAINT:
        return (ClockKind.INVESTIGATION_START, ClockKind.DEPARTMENT_FEEDBACK)
    return ()
