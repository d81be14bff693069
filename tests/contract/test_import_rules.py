"""The import rules refuse what they are there to refuse."""

import pytest
from tests.contract.import_rules import fault

ROOMS = frozenset({"tickets", "workorders", "deadlines"})


@pytest.mark.parametrize(
    ("importer", "imported", "word"),
    [
        ("tickets.service", "tickets.router", "lifecycle"),
        ("tickets.models", "tickets.service_closing", "lifecycle"),
        ("tickets.router_steps", "tickets.jobs", "lifecycle"),
        ("tickets.repository", "tickets.access", "lifecycle"),
        ("workorders.service", "tickets.repository", "private"),
        ("workorders.service", "tickets.router_steps", "private"),
        ("tickets.service", "core.http.state", "core.http"),
        ("deadlines.due", "core.http", "core.http"),
    ],
)
def test_refused(importer: str, imported: str, word: str) -> None:
    found = fault(f"ownercare_api.{importer}", f"ownercare_api.{imported}", ROOMS)
    assert found is not None
    assert word in found


@pytest.mark.parametrize("importer", ["tickets.service", "tickets.jobs", "core.errors", "wiring", "deadlines.calendar"])
@pytest.mark.parametrize("web", ["fastapi", "starlette.requests"])
def test_fastapi_is_refused(importer: str, web: str) -> None:
    assert fault(f"ownercare_api.{importer}", web, ROOMS) == "only router, access, app and core.http know FastAPI"


@pytest.mark.parametrize(
    ("importer", "imported"),
    [
        ("tickets.router_steps", "tickets.router"),
        ("tickets.router", "tickets.service"),
        ("tickets.service_closing", "tickets.service"),
        ("tickets.views", "tickets.schemas"),
        ("tickets.due", "tickets.models"),
        ("workorders.service", "tickets.service"),
        ("workorders.repository", "tickets.models"),
        ("app", "tickets.router"),
        ("tickets.router", "core.http.state"),
    ],
)
def test_allowed(importer: str, imported: str) -> None:
    assert fault(f"ownercare_api.{importer}", f"ownercare_api.{imported}", ROOMS) is None


@pytest.mark.parametrize(
    "importer", ["tickets.router_steps", "tickets.access", "identity.declaring", "app", "core.http.etag", "docs_pages"]
)
def test_the_edge_knows_fastapi(importer: str) -> None:
    assert fault(f"ownercare_api.{importer}", "fastapi", ROOMS) is None
