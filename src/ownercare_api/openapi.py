"""The OpenAPI document: what FastAPI generates, completed with what the house does for every operation alike."""

import json
import re
from collections.abc import Iterable, Mapping
from importlib import import_module
from importlib.util import find_spec
from inspect import getdoc
from types import ModuleType
from typing import Any, cast, get_args

from fastapi import FastAPI
from fastapi.dependencies.models import Dependant
from fastapi.openapi.utils import get_openapi
from fastapi.routing import RouteContext, iter_route_contexts
from pydantic.json_schema import models_json_schema

from ownercare_api.core.errors import (
    BadRequest,
    ConcurrentChange,
    DomainError,
    Invalid,
    PreconditionRequired,
    Stale,
    TooLarge,
    TooMany,
    Unavailable,
    UnsupportedMedia,
)
from ownercare_api.core.http.etag import IfMatch
from ownercare_api.core.http.idempotency import KeyInFlight, KeyMalformed, KeyMissing, KeyRequired, KeyReused
from ownercare_api.core.http.problems import MEDIA_TYPE, Problem, ProblemField, problems
from ownercare_api.core.http.route import DuplicateKey, UnstorableText
from ownercare_api.core.http.transaction import OneStatement, Tx
from ownercare_api.core.lifecycle import Lifecycle
from ownercare_api.core.pagination import InvalidCursor

PACKAGE = "ownercare_api"

INTRODUCTION = """\
房地产开发企业客户服务部的业务接口:登记、投诉、报修、勘察、派工、审批、结算、质保金、回访。
The REST API of a property developer's customer-service department.

- **Login**: `POST /v1/auth/token`, then `Authorization: Bearer …`. Every operation names the scope it needs; a role is
  a bundle of scopes within a reach (company, region, project, partner firm). What lies outside is 404, not 403.
- **Errors** are RFC 9457 problem documents. Decide by `code`, which never changes; `title` and `detail` are for people,
  in Chinese, or in English with `Accept-Language: en`. `rules` names the rules of the rulebook that refuse.
- **Steps** of a process are sub-resources that are POSTed. `allowed_actions` says which this caller may take now.
- **Retry safely**: an `Idempotency-Key` with every POST. **Change safely**: the `ETag` you read, in `If-Match`.
- **Lists** are pages: `limit`, `cursor`, `next_cursor`. Money is whole fen (`…_fen`), times are RFC 3339 in UTC, dates
  are business dates in Asia/Shanghai. Ids are UUIDv7; people use `number`.
"""

TAGS: Mapping[str, str] = {
    "tickets": "登记与工单 Register and tickets",
    "site-surveys": "现场勘察 Site surveys",
    "work-orders": "工程派工单 Work orders",
    "approvals": "审批 Approvals",
    "settlements": "决算与结算 Final accounts and settlements",
    "ledger": "质保金与台账 Retention and ledger",
    "owners": "业主 Owners",
    "exchange": "导入导出 Imports and exports",
    "privacy": "个人信息权利请求 Requests of the persons concerned",
    "my": "业主本人 What is one's own",
    "properties": "房源 Properties",
    "contractors": "施工单位与维修队 Contractors and repair teams",
    "surveys": "满意度调查 Satisfaction surveys",
    "call-center": "400 呼叫中心 Call centre",
    "integrations": "系统对接 Integrations",
    "deadlines": "时限与工作日历 Deadlines and the working calendar",
    "calendars": "工作日历 Working calendar",
    "policies": "政策值 Policy values",
    "files": "附件 Attachments",
    "timeline": "全程记录 History",
    "audit": "审计 Audit trail",
    "identity": "人员与权限 People and permissions",
    "operations": "运行状况 Operations",
}
"""Titles and order of the known tags; a tag that is not here comes last under its own name."""

_WRITES: frozenset[Any] = frozenset(get_args(kind)[1].dependency for kind in (Tx, OneStatement))
_IF_MATCH: Any = get_args(IfMatch)[1].dependency
_KEY_REQUIRED: Any = KeyRequired.dependency
_PROBLEM_REF = {"$ref": "#/components/schemas/Problem"}
_PLACEHOLDER = re.compile(r"\{[a-z_]+\}")
_ALWAYS: tuple[type[DomainError], ...] = (TooMany, DomainError, Unavailable)

_IDEMPOTENCY_KEY = {
    "name": "Idempotency-Key",
    "in": "header",
    "description": "Any text of the caller's choice, best a fresh UUID. The same key with the same request gives the "
    "first answer again for 48 hours, with `Idempotency-Replayed: true`.",
    "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[ -~]+$"},
}
_KEY_WITHOUT_EFFECT = _IDEMPOTENCY_KEY | {
    "description": "Accepted and without effect: this only looks. Each repetition is another look, on record."
}
_IF_MATCH_HEADER = {
    "name": "If-Match",
    "in": "header",
    "required": True,
    "description": "The `ETag` of what the caller read; `*` for whatever is there.",
    "schema": {"type": "string", "maxLength": 1000, "pattern": "^[ -~]+$"},
}
_IF_NONE_MATCH_HEADER = {
    "name": "If-None-Match",
    "in": "header",
    "description": "The `ETag` of what the caller has; 304 if nothing changed.",
    "schema": {"type": "string", "maxLength": 1000, "pattern": "^[ -~]+$"},
}
_ETAG = {"ETag": {"description": "version for `If-Match`, and for `If-None-Match`", "schema": {"type": "string"}}}
_REPLAYED = {
    "Idempotency-Replayed": {
        "description": "`true` where a stored answer is given again",
        "schema": {"type": "string", "enum": ["true"]},
    }
}
_LOCATION = {"Location": {"description": "where the new resource is", "schema": {"type": "string"}}}


class DocumentedAPI(FastAPI):
    """A FastAPI application whose document is `document(app)`, built once."""

    def openapi(self) -> dict[str, Any]:
        """Return the document."""
        if self.openapi_schema is None:
            self.openapi_schema = document(self)
        return self.openapi_schema


def document(app: FastAPI) -> dict[str, Any]:
    """Return the OpenAPI 3.1 document of the application."""
    made: dict[str, Any] = get_openapi(
        title=app.title,
        version=app.version,
        summary="房地产客户服务管理接口",
        description=INTRODUCTION,
        routes=app.routes,
        servers=[{"url": "/", "description": "本服务 this server"}],
        license_info={"name": "Apache-2.0", "identifier": "Apache-2.0"},
    )
    components = made.setdefault("components", {})
    schemas = components.setdefault("schemas", {})
    for unused in ("HTTPValidationError", "ValidationError"):
        schemas.pop(unused, None)
    schemas.update(_problem_schemas())
    components["schemas"] = dict(sorted(schemas.items()))
    examples: dict[str, Any] = {}
    contexts = [found for found in iter_route_contexts(app.routes) if hasattr(found.original_route, "dependant")]
    for context in contexts:
        for method in context.methods or ():
            operation = made["paths"].get(context.path_format, {}).get(method.lower())
            if operation is not None:
                _complete(operation, method=method, path=str(context.path_format), context=context, schemas=schemas)
                _share_examples(operation, examples)
    components["responses"] = _shared_responses(examples)
    components["examples"] = dict(sorted(examples.items()))
    made["tags"] = _tags(contexts)
    return made


def render(app: FastAPI) -> str:
    """Return the document as the text that is committed at `openapi/openapi.json`."""
    return json.dumps(document(app), ensure_ascii=False, indent=1) + "\n"


def _problem_schemas() -> dict[str, Any]:
    template = "#/components/schemas/{model}"
    _, found = models_json_schema([(Problem, "serialization"), (ProblemField, "serialization")], ref_template=template)
    return dict(found["$defs"])


def _calls(dependant: Dependant) -> Iterable[Any]:
    yield dependant.call
    for below in dependant.dependencies:
        yield from _calls(below)


def _complete(
    operation: dict[str, Any], *, method: str, path: str, context: RouteContext, schemas: Mapping[str, Any]
) -> None:
    """Add what the route class, the dependencies and the middleware do without the endpoint's declaring it."""
    responses = operation["responses"]
    calls = set(_calls(context.dependant))
    if "HTTPValidationError" in json.dumps(responses.get("422", "")):
        del responses["422"]
    refusals = _of_the_input(operation)
    parameters = operation.setdefault("parameters", [])
    writes = not _WRITES.isdisjoint(calls)
    if writes:
        refusals.append(ConcurrentChange)
    if writes and method == "POST":
        required, looks = _KEY_REQUIRED in calls, "200" in responses
        key = _KEY_WITHOUT_EFFECT if looks else _IDEMPOTENCY_KEY
        parameters.append(key | ({"required": True} if required else {}))
        refusals += [KeyMalformed, KeyInFlight, KeyReused, *([KeyMissing] if required else [])]
        if not looks:
            _headers(responses, _REPLAYED)
        if "{" not in path:
            _headers(responses, _LOCATION, only="201")
    if _IF_MATCH in calls:
        parameters.append(_IF_MATCH_HEADER)
        refusals += [Stale, PreconditionRequired]
    if _is_versioned(responses, schemas):
        _headers(responses, _ETAG)
        if method == "GET":
            parameters.append(_IF_NONE_MATCH_HEADER)
            responses["304"] = {"description": "未变更 Not modified"}
    if not parameters:
        del operation["parameters"]
    _merge(responses, problems(*refusals))
    _finish(responses)
    operation["responses"] = dict(sorted(responses.items()))


def _of_the_input(operation: Mapping[str, Any]) -> list[type[DomainError]]:
    """Return the refusals that what goes into an operation brings with it."""
    names = {parameter["name"] for parameter in operation.get("parameters", ())}
    found: list[type[DomainError]] = []
    if names or "requestBody" in operation:
        found += [Invalid, UnstorableText]
    if "cursor" in names:
        found.append(InvalidCursor)
    if "requestBody" in operation:
        found += [BadRequest, TooLarge, UnsupportedMedia]
        if "application/json" in operation["requestBody"]["content"]:
            found.append(DuplicateKey)
    return found


def _finish(responses: dict[str, Any]) -> None:
    """Name the successes in both languages and add the answers that every operation can give."""
    for status, response in responses.items():
        if response.get("description") == "Successful Response":
            response["description"] = "已创建 Created" if status == "201" else "成功 OK"
    for kind in _ALWAYS:
        responses.setdefault(str(kind.status), {"$ref": f"#/components/responses/{kind.__name__}"})
    responses["default"] = {"$ref": "#/components/responses/Problem"}


def _is_versioned(responses: Mapping[str, Any], schemas: Mapping[str, Any]) -> bool:
    for status in ("200", "201"):
        schema = responses.get(status, {}).get("content", {}).get("application/json", {}).get("schema", {})
        name = schema.get("$ref", "").rpartition("/")[2]
        if "version" in schemas.get(name, {}).get("properties", {}):
            return True
    return False


def _headers(responses: Mapping[str, Any], headers: Mapping[str, Any], *, only: str | None = None) -> None:
    for status, response in responses.items():
        if status == only or (only is None and status.startswith("2")):
            response.setdefault("headers", {}).update(headers)


def _merge(responses: dict[str, Any], more: Mapping[int | str, Mapping[str, Any]]) -> None:
    """Add refusals to the declared ones, without repeating any."""
    for status, response in more.items():
        known = responses.setdefault(
            str(status), {"description": "", "content": {MEDIA_TYPE: {"schema": _PROBLEM_REF}}}
        )
        examples = known.setdefault("content", {}).setdefault(MEDIA_TYPE, {}).setdefault("examples", {})
        examples.update({code: made for code, made in _examples(response).items() if code not in examples})
        known["description"] = "; ".join(f"`{code}`" for code in examples)


def _examples(response: Mapping[str, Any]) -> dict[str, Any]:
    return cast(dict[str, Any], response.get("content", {}).get(MEDIA_TYPE, {}).get("examples", {}))


def _share_examples(operation: Mapping[str, Any], shared: dict[str, Any]) -> None:
    """Keep each problem's example once, under its code; operations refer to it."""
    for response in operation["responses"].values():
        examples = _examples(response)
        for code, example in examples.items():
            if "value" in example:
                shown, name = _without_placeholders(example), code
                if shared.get(name, shown) != shown:  # rooms may use one code with words of their own
                    name = f"{code}.{operation['tags'][0]}"
                shared.setdefault(name, shown)
                examples[code] = {"$ref": f"#/components/examples/{name}"}


def _without_placeholders(example: Any) -> Any:
    if isinstance(example, str):
        return _PLACEHOLDER.sub("…", example)
    if isinstance(example, dict):
        return {key: _without_placeholders(value) for key, value in example.items()}
    return example


def _shared_responses(examples: dict[str, Any]) -> dict[str, Any]:
    made: dict[str, Any] = {
        "Problem": {
            "description": "任何其他错误 any other error",
            "content": {MEDIA_TYPE: {"schema": _PROBLEM_REF}},
        }
    }
    for kind in _ALWAYS:
        (response,) = problems(kind).values()
        _share_examples({"responses": {"": response}}, examples)
        made[kind.__name__] = response
        if kind is not DomainError:
            seconds = {"description": "seconds to wait", "schema": {"type": "integer"}}
            response["headers"] = {"Retry-After": seconds}
    return made


def _tags(contexts: Iterable[RouteContext]) -> list[dict[str, Any]]:
    """Describe every tag that is used, with the life cycles of its room drawn from the tables that the code runs on."""
    rooms: dict[str, str] = {}
    for context in contexts:
        for tag in context.tags or ():
            rooms.setdefault(str(tag), str(getattr(context.endpoint, "__module__", "")).rpartition(".")[0])
    order = [*TAGS, *sorted(set(rooms) - set(TAGS))]
    known = [tag for tag in order if tag in rooms]
    return [
        {"name": tag, "x-displayName": TAGS.get(tag, tag), "description": _tag_text(tag, room=rooms[tag], rooms=rooms)}
        for tag in known
    ]


def _tag_text(tag: str, *, room: str, rooms: Mapping[str, str]) -> str:
    parts = [TAGS[tag]] if tag in TAGS else []
    parts.append(getdoc(import_module(room)) or "")
    siblings = [other for other, place in rooms.items() if place == room]
    for cycle in lifecycles(room):
        owner = next((other for other in siblings if _plural(other) == _plural(cycle.name)), siblings[0])
        if owner == tag:
            parts.append(f"`{cycle.name}`:\n\n```mermaid\n{cycle.mermaid()}\n```")
    return "\n\n".join(part for part in parts if part)


def _plural(name: str) -> str:
    return name.replace("-", "").replace("_", "").removesuffix("s")


def lifecycles(room: str) -> list[Lifecycle[Any]]:
    """Return the transition tables of a room (a package name), in the order of their definition."""
    if not room.startswith(f"{PACKAGE}.") or find_spec(f"{room}.lifecycle") is None:
        return []
    module: ModuleType = import_module(f"{room}.lifecycle")
    return [value for value in vars(module).values() if isinstance(value, Lifecycle)]
