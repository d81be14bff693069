"""A caller learns from the document alone which scopes an operation needs."""

import pytest
from tests.access.matrix import cases, document, operations


@pytest.mark.rule("ORG-10", "ORG-28")
def test_every_scope_that_a_case_needs_is_told() -> None:
    told = {
        spec["operationId"]: spec.get("description", "") + " ".join(spec.get("x-scopes-one-of", ()))
        for methods in document()["paths"].values()
        for spec in methods.values()
    }
    known = operations()
    untold = {
        (name, scope)
        for name, case in cases().items()
        for scope in (*case.read, *case.inside)
        if scope not in known[name].scopes and scope not in told[name]
    }
    assert untold == set()
