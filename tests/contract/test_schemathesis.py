"""Requests made up from the whole OpenAPI document: no 5xx, and no answer that the document does not declare."""

import json
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from random import Random
from time import monotonic
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
import requests
import schemathesis
from fastapi import FastAPI
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode
from schemathesis.core.failures import FailureGroup
from schemathesis.core.result import Ok
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
)
from tests.contract.fuzzing import Bench, Known, bench
from tests.contract.scratch import database

SECONDS = 30
"""The first turn is always finished; further ones begin only before this time."""
TURNS = 4
EXAMPLES = 3
"""Cases per operation and turn."""
ENDS_THE_LOGIN = {"auth_logout_create", "me_sessions_revocation_create"}
CHECKS = [content_type_conformance, response_headers_conformance, response_schema_conformance]


class Findings:
    """What was sent, and what came back that should not have."""

    def __init__(self) -> None:
        self.statuses: Counter[int] = Counter()
        self.faults: dict[str, str] = {}

    def add(self, kind: str, operation: str, detail: str) -> None:
        """Note the first example of a fault."""
        self.faults.setdefault(f"{operation}: {kind}", detail)

    def judge(self, operation: dict[str, Any], examples: set[str], answer: httpx.Response, case: Any) -> None:
        """Look at one answer."""
        name, status = operation["operationId"], answer.status_code
        self.statuses[status] += 1
        sent = f"{answer.request.method} {answer.request.url} {answer.request.content[:600]!r}"
        if status >= 500 and "file_content_unavailable" not in answer.text:  # the made cases' photos have no content
            self.add(f"{status}", name, f"{sent}\n    {answer.text[:400]}")
        elif status >= 400:
            if answer.headers.get("content-type") != "application/problem+json":
                self.add(f"{status} is no problem document", name, sent)
                return
            code = answer.json()["code"]
            if code not in examples:
                self.add(f"{status} {code} is not declared", name, sent)
        elif str(status) not in operation["responses"]:
            self.add(f"{status} is not declared", name, sent)
        try:
            case.validate_response(answer, checks=CHECKS)
        except FailureGroup as group:
            for failure in group.exceptions:
                self.add(type(failure).__name__, name, f"{sent}\n    {status} {str(failure)[:600]}")


def codes(made: dict[str, Any], operation: dict[str, Any]) -> set[str]:
    """Return the problem codes that an operation declares."""
    found: set[str] = set()
    for response in operation["responses"].values():
        while "$ref" in response:
            response = made["components"]["responses"][response["$ref"].rpartition("/")[2]]
        for media in response.get("content", {}).values():
            found |= set(media.get("examples", {}))
    return found


def crawl(app: Bench, made: dict[str, Any], known: Known) -> None:
    """Read every list once, to know what there is."""
    for path, item in made["paths"].items():
        if "get" in item and "{" not in path:
            answer = app.send("GET", path, headers=app.actors[0].headers, content=None)
            if answer.status_code == 200 and answer.headers["content-type"] == "application/json":
                known.learn(path, answer.json())


def run_operation(
    app: Bench, found: Findings, known: Known, made: dict[str, Any], operation: Any, *, turn: int
) -> None:
    """Send some cases of one operation: in even turns valid by the schema, in odd ones broken somewhere."""
    mode = GenerationMode.NEGATIVE if turn % 2 else GenerationMode.POSITIVE
    raw: dict[str, Any] = made["paths"][operation.path][operation.method.lower()]
    declared = codes(made, raw)
    dice = Random(f"{raw['operationId']} {turn}")
    spare = app.newcomer() if raw["operationId"] in ENDS_THE_LOGIN else None

    @seed(turn)
    @settings(
        max_examples=EXAMPLES,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy(generation_mode=mode))
    def send_one(case: Any) -> None:
        if mode is GenerationMode.POSITIVE or dice.random() < 0.5:
            for part in (case.path_parameters, case.query, case.body):
                known.substitute(part, dice=dice)
        if case.headers and "If-Match" in case.headers and dice.random() < 0.7:
            case.headers["If-Match"] = "*"
        actor = spare or (app.actors[0] if dice.random() < 0.7 else dice.choice(app.actors))
        request = requests.Request(**case.as_transport_kwargs(base_url="http://ownercare.test")).prepare()
        headers = {name: value for name, value in request.headers.items() if isinstance(value, str) and value.isascii()}
        if "Authorization" not in headers or dice.random() < 0.9:
            headers["Authorization"] = actor.headers["Authorization"]
        content = request.body.encode() if isinstance(request.body, str) else request.body
        answer = app.send(str(request.method), str(request.url), headers=headers, content=content)
        if urlsplit(str(answer.request.url)).path.count("/") != operation.path.count("/"):
            return  # a made-up path parameter held a slash or a dot: another resource answered
        found.judge(raw, declared, answer, case)
        if answer.is_success and answer.headers.get("content-type") == "application/json":
            known.learn(operation.path, answer.json())

    with suppress(Unsatisfiable):  # an operation without input has nothing to break
        send_one()


@pytest.fixture
def app(postgres: str, tmp_path: Path) -> Iterator[Bench]:
    """Give the application on a database of its own."""
    with (
        database(postgres, name="fuzz", template="ownercare_template") as url,
        bench(url, data_dir=tmp_path) as made,
    ):
        yield made


@pytest.mark.slow
def test_made_up_requests_meet_only_declared_answers(
    app: Bench, app_shell: FastAPI, capsys: pytest.CaptureFixture[str]
) -> None:
    made = app_shell.openapi()
    known, found = Known(made), Findings()
    crawl(app, made, known)
    schema = schemathesis.openapi.from_dict(json.loads(json.dumps(made)))
    operations = [result.ok() for result in schema.get_all_operations() if isinstance(result, Ok)]
    begun, turns = monotonic(), 0
    for turn in range(TURNS):
        for operation in operations:
            if turn == 0 or monotonic() - begun < SECONDS:
                run_operation(app, found, known, made, operation, turn=turn)
        turns += monotonic() - begun < SECONDS
    total = sum(found.statuses.values())
    with capsys.disabled():
        print(
            f"\nmade-up requests: {total} to {len(operations)} operations, {turns} of {TURNS} turns finished, "
            f"{monotonic() - begun:.0f} s; "
            + ", ".join(f"{status}: {count}" for status, count in sorted(found.statuses.items()))
        )
    report = "\n".join(f"{kind}\n    {detail}" for kind, detail in sorted(found.faults.items()))
    assert not found.faults, f"{len(found.faults)} faults\n{report}"
    assert total > 2 * len(operations) > 0
