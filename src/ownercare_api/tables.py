"""Imports every table once, for Alembic and the mappers."""

from ownercare_api.approvals import models as approvals
from ownercare_api.contractors import models as contractors
from ownercare_api.core import idempotency_table, jobs, numbers
from ownercare_api.core.database import Base
from ownercare_api.deadlines import models as deadlines
from ownercare_api.files import models as files
from ownercare_api.identity import models as identity
from ownercare_api.owners import models as owners
from ownercare_api.policies import models as policies
from ownercare_api.properties import models as properties
from ownercare_api.settlements import models as settlements
from ownercare_api.settlements import models_ledger as ledger
from ownercare_api.settlements import models_release as releases
from ownercare_api.surveys import models as surveys
from ownercare_api.tickets import models as tickets
from ownercare_api.timeline import models as timeline
from ownercare_api.workorders import models as workorders

metadata = Base.metadata

__all__ = [
    "approvals",
    "contractors",
    "deadlines",
    "files",
    "idempotency_table",
    "identity",
    "jobs",
    "ledger",
    "metadata",
    "numbers",
    "owners",
    "policies",
    "properties",
    "releases",
    "settlements",
    "surveys",
    "tickets",
    "timeline",
    "workorders",
]
