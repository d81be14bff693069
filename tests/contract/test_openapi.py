"""The OpenAPI document keeps what docs/api.md promises to those who read nothing else."""

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.routing import iter_route_contexts
from openapi_spec_validator import OpenAPIV31SpecValidator
from pydantic import TypeAdapter

from ownercare_api.core.errors import DomainError
from ownercare_api.identity.roles import SCOPES
from ownercare_api.openapi import lifecycles, render

ROOT = Path(__file__).resolve().parents[2]
HAN = re.compile(r"[\u4e00-\u9fff]")
METHODS = ("get", "put", "post", "delete", "patch")

PUBLIC = {
    "auth_token_create",
    "auth_one_time_codes_create",
    "jwks_read",
    "health_live_read",
    "health_ready_read",
    "metrics_read",
    "problems_list",
    "problems_read",
}
"""Without any login. Everything else needs a token."""

ANYONE = {"auth_logout_create", "me_read", "departments_list", "building_parts_list", "trades_list", "jobs_read"}
ANYONE |= {"me_grants_list", "delegations_list", "delegations_create", "delegations_read"}
ANYONE |= {"delegations_withdrawal_create", "me_password_create", "me_sessions_list", "me_sessions_revocation_create"}
"""With a login, but no scope: what concerns only the caller, or is no secret inside the company."""

Operation = tuple[str, str, dict[str, Any]]


@pytest.fixture(scope="module")
def made(app_shell: FastAPI) -> dict[str, Any]:
    """Generate the document, or take it as another test had it generated."""
    return app_shell.openapi()


@pytest.fixture(scope="module")
def rendered(app_shell: FastAPI) -> str:
    """Generate the document once more, as text."""
    return render(app_shell)


@pytest.fixture(scope="module")
def operations(made: dict[str, Any]) -> list[Operation]:
    """List method, path and operation."""
    return [(m, path, item[m]) for path, item in made["paths"].items() for m in METHODS if m in item]


def resolve(made: Mapping[str, Any], node: Mapping[str, Any]) -> Mapping[str, Any]:
    """Follow a local reference."""
    while "$ref" in node:
        found: Any = made
        for part in node["$ref"].removeprefix("#/").split("/"):
            found = found[part]
        node = found
    return node


def faults(found: Iterator[str]) -> str:
    """Put what is wrong on lines of its own."""
    return "\n".join(sorted(found))


def test_the_document_is_valid(made: dict[str, Any]) -> None:
    assert made["openapi"].startswith("3.1")
    assert [str(error.message) for error in OpenAPIV31SpecValidator(made).iter_errors()] == []


def test_the_document_is_the_same_every_time(rendered: str, made: dict[str, Any]) -> None:
    assert json.loads(rendered) == json.loads(json.dumps(made))


def test_the_committed_document_is_what_the_code_says(rendered: str) -> None:
    committed = (ROOT / "openapi" / "openapi.json").read_text(encoding="utf-8")
    same = committed == rendered
    assert same, "openapi/openapi.json is out of date: run `make openapi`"


def test_operation_ids_are_unique_snake_case(operations: list[Operation]) -> None:
    ids = [operation["operationId"] for _, _, operation in operations]
    assert sorted(set(ids)) == sorted(ids)
    assert [
        name for name in ids if not re.fullmatch(r"[a-z]+(_[a-z0-9]+)*_(list|read|create|update|delete)", name)
    ] == []


def test_paths_are_plural_nouns_with_hyphens(made: dict[str, Any]) -> None:
    shape = re.compile(r"/v1(/([a-z0-9]+(-[a-z0-9]+)*|\{[a-z0-9_]+\}))+")
    outside = {"/.well-known/jwks.json", "/health/live", "/health/ready", "/metrics", "/problems", "/problems/{code}"}
    assert [path for path in made["paths"] if path not in outside and not shape.fullmatch(path)] == []


def test_every_operation_is_described(operations: list[Operation]) -> None:
    def wrong() -> Iterator[str]:
        for method, path, operation in operations:
            where = f"{method.upper()} {path}"
            summary, words = operation.get("summary", ""), operation.get("description", "")
            if not re.fullmatch(r".+ \([^()]*[\u4e00-\u9fff].*\)", summary):
                yield f"{where}: summary without the Chinese term in brackets: {summary!r}"
            if len(words) < 20:
                yield f"{where}: no description"
            if len(operation.get("tags", [])) != 1:
                yield f"{where}: needs one tag"
            rules = operation.get("x-rules", [])
            if not rules or not all(re.fullmatch(r"[A-Z]{3}-\d\d|HR-\d\d", rule) for rule in rules):
                yield f"{where}: x-rules {rules}"

    assert faults(wrong()) == ""


def test_every_operation_names_its_scopes(made: dict[str, Any], operations: list[Operation]) -> None:
    known = made["components"]["securitySchemes"]["OwnerCare"]["flows"]["password"]["scopes"]

    def wrong() -> Iterator[str]:
        for _, _, operation in operations:
            name = operation["operationId"]
            scopes = {scope for item in operation.get("security", []) for scope in item.get("OwnerCare", [])}
            if name in PUBLIC and "security" in operation:
                yield f"{name} is listed as public but asks for a login"
            if name not in PUBLIC and "security" not in operation:
                yield f"{name} needs no login and is not listed as public"
            if name not in PUBLIC | ANYONE and not scopes:
                yield f"{name} needs no scope and is not listed"
            if scopes - set(known):
                yield f"{name}: unknown scopes {scopes - set(known)}"

    assert faults(wrong()) == ""


def test_every_operation_declares_its_refusals(made: dict[str, Any], operations: list[Operation]) -> None:
    def wrong() -> Iterator[str]:
        for _, _, operation in operations:
            name, responses = operation["operationId"], operation["responses"]
            expected = {"429", "500", "503", "default"}
            if name not in PUBLIC:
                expected.add("401")
                if name not in ANYONE:
                    expected.add("403")
            if "requestBody" in operation:
                expected |= {"400", "413", "415", "422"}
            parameters = [resolve(made, item) for item in operation.get("parameters", [])]
            if any(item["in"] == "header" and item["name"] == "If-Match" for item in parameters):
                expected |= {"412", "428"}
            if any(item["in"] == "path" for item in parameters):
                expected |= {"404", "422"}
            if missing := expected - set(responses):
                yield f"{name}: {sorted(missing)} not declared"
            for status, response in responses.items():
                content = resolve(made, response).get("content", {})
                if (status == "default" or status >= "400") and set(content) != {"application/problem+json"}:
                    yield f"{name}: {status} is no problem document"
            if not any(status.startswith("2") for status in responses):
                yield f"{name}: no success"

    assert faults(wrong()) == ""


def test_problem_examples_are_whole_and_codes_have_one_status(made: dict[str, Any]) -> None:
    fields = set(made["components"]["schemas"]["Problem"]["properties"])
    for code, example in made["components"]["examples"].items():
        assert set(example["value"]) == fields
        assert example["value"]["code"] == code.partition(".")[0]
        assert "{" not in json.dumps(example, ensure_ascii=False).replace('{"', "")
        assert HAN.search(example["value"]["detail"])

    def family(kind: type[DomainError]) -> Iterator[type[DomainError]]:
        yield kind
        for below in kind.__subclasses__():
            yield from family(below)

    own = [kind for kind in family(DomainError) if kind.__module__.startswith("ownercare_api.")]
    statuses: dict[str, set[int]] = {}
    for kind in own:
        statuses.setdefault(kind.code, set()).add(kind.status)
    assert {code: found for code, found in statuses.items() if len(found) > 1} == {}
    assert [kind for kind in own if not (HAN.search(kind.zh) and re.fullmatch(r"[a-z0-9_]+", kind.code))] == []


def wants_chinese(example: Any) -> bool:
    """Say whether an example holds words, apart from what has no words in it by nature."""
    wordless = re.compile(r"(_|^)(id|ids|phone|number|code|codes|key|kind|username|uscc)$")
    if isinstance(example, dict):
        return any(wants_chinese(value) for name, value in example.items() if not wordless.search(name))
    if isinstance(example, list):
        return any(wants_chinese(item) for item in example)
    return isinstance(example, str) and not re.fullmatch(r"[a-z0-9_.:+-]+|\d{4}-.*", example)


def test_every_json_body_has_a_chinese_example_that_its_model_accepts(app_shell: FastAPI, made: dict[str, Any]) -> None:
    def wrong() -> Iterator[str]:
        for context in iter_route_contexts(app_shell.routes):
            field = getattr(context, "body_field", None)
            if field is None or not context.include_in_schema:
                continue
            for method in context.methods or ():
                operation = made["paths"][context.path_format][method.lower()]
                name, content = operation["operationId"], operation["requestBody"]["content"]
                if "application/json" not in content:
                    continue
                schema = content["application/json"]["schema"]
                examples = resolve(made, schema).get("examples") or schema.get("examples") or []
                if not examples:
                    yield f"{name}: no example"
                for example in examples:
                    text = json.dumps(example, ensure_ascii=False)
                    TypeAdapter(field.field_info.annotation).validate_json(text)
                    if wants_chinese(example) and not HAN.search(text):
                        yield f"{name}: the example has no Chinese"

    assert faults(wrong()) == ""


def test_body_fields_that_take_money_or_time_name_their_unit(made: dict[str, Any]) -> None:
    amounts = re.compile(r"(^|_)(amount|cost|price|total|fee|claim|balance)$")
    named = [
        f"{schema}.{field}"
        for schema, shape in made["components"]["schemas"].items()
        for field, kind in shape.get("properties", {}).items()
        if amounts.search(field)
        and not field.startswith("is_")
        and not schema.startswith("PageOf")  # there `total` counts items
        and any(option.get("type") in ("integer", "number") for option in (kind, *kind.get("anyOf", ())))
    ]
    assert named == []


def test_lists_are_pages(made: dict[str, Any], operations: list[Operation]) -> None:
    # A few rows that configuration decides; and a feed, whose position outlives any page.
    fixed = {"roles_list", "departments_list", "building_parts_list", "trades_list"}
    fixed |= {"policies_catalogue_list", "changes_list", "problems_list"}
    unpaged = set()
    for method, _, operation in operations:
        if method == "get" and operation["operationId"].endswith("_list"):
            schema = resolve(made, operation["responses"]["200"]["content"]["application/json"]["schema"])
            parameters = {item["name"] for item in operation.get("parameters", [])}
            paged = {"items", "next_cursor"} <= set(schema.get("properties", {})) and {"limit", "cursor"} <= parameters
            if not paged:
                unpaged.add(operation["operationId"])
    assert unpaged <= fixed


def test_every_post_takes_an_idempotency_key(operations: list[Operation]) -> None:
    # None of them is repeated harmlessly: limits count each sending, and of passwords only the hash is kept.
    without = {"auth_token_create", "auth_logout_create", "auth_one_time_codes_create", "me_password_create"}
    for method, _, operation in operations:
        headers = {item["name"] for item in operation.get("parameters", []) if item["in"] == "header"}
        if method == "post" and operation["operationId"] not in without:
            assert "Idempotency-Key" in headers, operation["operationId"]
        if method in ("patch", "put"):
            assert "If-Match" in headers, operation["operationId"]


def test_every_tag_is_described_and_life_cycles_are_drawn(made: dict[str, Any], operations: list[Operation]) -> None:
    described = {tag["name"]: tag["description"] for tag in made["tags"]}
    used = {tag for _, _, operation in operations for tag in operation["tags"]}
    assert used == set(described)
    assert all(len(words) > 20 for words in described.values())
    assert "registered --> accepted: classification" in described["tickets"]


def test_every_step_of_a_life_cycle_can_be_taken(app_shell: FastAPI) -> None:
    posted: dict[str, set[str]] = {}
    for context in iter_route_contexts(app_shell.routes):
        room = str(getattr(context.endpoint, "__module__", "")).rpartition(".")[0]
        if "POST" in (context.methods or ()):
            posted.setdefault(room, set()).add(str(context.path_format))
    missing = {
        f"{cycle.name}.{step.name}"
        for room, paths in posted.items()
        for cycle in lifecycles(room)
        for step in cycle.steps.values()
        # A scope that is none marks what the system does by itself; `update` is a PATCH; `settlement` creates one.
        if step.scope in SCOPES
        and step.name != "update"
        and not any(path.endswith((f"/{step.name}", f"/{step.name}s")) for path in paths)
    }
    assert missing == set()
