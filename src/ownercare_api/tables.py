"""Imports every table once, for Alembic and the mappers."""

from ownercare_api.approvals import models as approvals
from ownercare_api.contractors import models as contractors
from ownercare_api.contractors import models_accounts as contractors_accounts
from ownercare_api.core import field_keys, idempotency_table, jobs, numbers
from ownercare_api.core.database import Base
from ownercare_api.deadlines import models as deadlines
from ownercare_api.exchange import models as exchange
from ownercare_api.files import models as files
from ownercare_api.identity import models as identity
from ownercare_api.owners import models as owners
from ownercare_api.owners import models_changes as owner_changes
from ownercare_api.owners import models_looks as owner_looks
from ownercare_api.owners import models_payments as owner_payments
from ownercare_api.owners import models_records as owner_records
from ownercare_api.owners import models_sharing as owner_sharing
from ownercare_api.policies import models as policies
from ownercare_api.privacy import models as privacy
from ownercare_api.properties import models as properties
from ownercare_api.properties import models_occupancy as occupancy
from ownercare_api.settlements import models as settlements
from ownercare_api.settlements import models_ledger as ledger
from ownercare_api.settlements import models_release as releases
from ownercare_api.surveys import models as surveys
from ownercare_api.tickets import models as tickets
from ownercare_api.timeline import models as timeline
from ownercare_api.timeline import models_audit as audit
from ownercare_api.workorders import models as workorders

metadata = Base.metadata

__all__ = [
    "approvals",
    "audit",
    "contractors",
    "contractors_accounts",
    "deadlines",
    "exchange",
    "field_keys",
    "files",
    "idempotency_table",
    "identity",
    "jobs",
    "ledger",
    "metadata",
    "numbers",
    "occupancy",
    "owner_changes",
    "owner_looks",
    "owner_payments",
    "owner_records",
    "owner_sharing",
    "owners",
    "policies",
    "privacy",
    "properties",
    "releases",
    "settlements",
    "surveys",
    "tickets",
    "timeline",
    "workorders",
]
