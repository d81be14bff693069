"""Whatever is sent: a success, or a 4xx problem document that repeats nothing of it; and lists go on answering."""

from collections.abc import Iterator

import pytest
from tests.access import hostile, matrix
from tests.access.calling import Answer, Request, ask
from tests.access.stage import Stage

CHUNKS = 6


async def _right(stage: Stage, operation: matrix.Operation) -> Request:
    """Return the request of the matrix that is aimed at one's own, as the right person sends it."""
    case = matrix.cases()[operation.id]
    row = next(iter(matrix.rows(stage.world, operation, case)))
    right = await stage.callers.right(case, row.place)
    if right is None and operation.scopes:
        right = await stage.callers.machine("machine", frozenset({*operation.scopes, *case.read, *case.inside}))
    someone = right or stage.callers.columns[0]
    sent = {} if case.public else someone.headers
    return Request(
        row.request.method,
        row.request.path,
        query=row.request.query,
        headers={**row.request.headers, **sent},
        body=row.request.body,
        form=row.request.form,
        urlencoded=row.request.urlencoded,
    )


def _tries(operation: matrix.Operation, request: Request) -> Iterator[tuple[str, Request]]:
    if isinstance(request.body, dict):
        yield from hostile.bodies(request)
    yield from hostile.queries(request, operation.parameters)
    yield from hostile.paths(request, operation.path)
    yield from hostile.headers(request)


def _faults(answer: Answer) -> Iterator[str]:
    if answer.status >= 500 or answer.status == 0:
        yield f"answered {answer.status}"
    if answer.status >= 400:
        if answer.headers.get("content-type") != "application/problem+json":
            yield f"{answer.status} without a problem document"
        elif not answer.code:
            yield f"{answer.status} without a code"
        document = dict(answer.json or {})
        document.pop("instance", None)
        if hostile.MARK in str(document) or any(hostile.MARK in value for value in answer.headers.values()):
            yield f"{answer.status} repeats what was sent"
    if "x-evil" in answer.headers:
        yield "a header was injected"


async def _lists(stage: Stage) -> list[str]:
    """Ask every list once, as somebody who sees everything; return those that do not answer 200."""
    # What was accepted may have ended a login, as a merge of owners does: that is no fault of a list.
    await stage.connection.exec_driver_sql("UPDATE auth_session SET revoked_at = NULL, revoked_because = NULL")
    stage.forget()
    known = matrix.operations()
    broken = []
    for name, case in matrix.cases().items():
        if not case.lists or known[name].method != "GET" or case.right == "machine":
            continue
        request = await _right(stage, known[name])
        answer = await ask(stage.app, request)
        if answer.status != 200:
            broken.append(f"{name}: {answer.status} {answer.code}")
    return broken


@pytest.mark.slow
@pytest.mark.parametrize("chunk", range(CHUNKS))
async def test_hostile_input_is_refused_and_never_repeated(stage: Stage, chunk: int) -> None:
    known = matrix.operations()
    for name in sorted(matrix.cases()):  # whoever is made inside a savepoint would go with it
        await _right(stage, known[name])
    tried, faults, accepted = 0, [], 0
    for name in sorted(matrix.cases()):
        if sum(name.encode()) % CHUNKS != chunk:
            continue
        request = await _right(stage, known[name])
        await stage.connection.exec_driver_sql("SAVEPOINT hostile")
        before = accepted
        for place, (what, sent) in enumerate(_tries(known[name], request)):
            if not _due(name, place):
                continue
            answer = await ask(stage.app, sent)
            tried += 1
            accepted += answer.status < 400
            faults += [f"{name} {what}: {one}" for one in _faults(answer)]
            if answer.status >= 500:
                await stage.connection.exec_driver_sql("ROLLBACK TO SAVEPOINT hostile")
        if accepted > before and known[name].method != "GET" and _sampled(name):
            faults += [f"after {name}: {one}" for one in await _lists(stage)]
        await stage.connection.exec_driver_sql("ROLLBACK TO SAVEPOINT hostile")
        await stage.connection.exec_driver_sql("RELEASE SAVEPOINT hostile")
        stage.forget()
    print(f"\nhostile input {chunk}: {tried} tried, {accepted} harmless, {len(faults)} faults")
    print("\n".join(faults[:300]))
    assert faults == []


_ONE_IN = 4


def _due(name: str, place: int) -> bool:
    """Try each input at a quarter of the operations, another quarter for another input; all with
    `OWNERCARE_MATRIX_EVERY=1`. What refuses them is the same for all operations."""
    return matrix.every_cell() or (sum(name.encode()) // CHUNKS + place) % _ONE_IN == 0


def _sampled(name: str) -> bool:
    """Ask all lists again after what creates or changes text that lists show: after a quarter of it, as above."""
    return name.endswith(("_create", "_update")) and name.count("_") <= 2 and _due(name, 0)


PATHS = (
    "/v1/nowhere",
    "//v1/tickets",
    "/v1//tickets",
    "/v1/tickets/",
    "/V1/TICKETS",
    "/v1/../v1/tickets",
    "/v1/%2e%2e/health/live",
    "/v1/..;/tickets",
    "/v1/tickets;x=1",
    "/v1/tickets%2f",
    "/v1/tickets%00",
    "/v1/tickets/%ff",
    "/v1/tickets.json",
    "/static/../../etc/passwd",
    "/%c0%ae%c0%ae/etc/passwd",
    "/v1/" + "a" * 9000,
    "/.env",
    "/v1\\tickets",
)


@pytest.mark.parametrize("path", PATHS)
async def test_unknown_paths_are_404_problems(stage: Stage, path: str) -> None:
    answer = await ask(stage.app, Request("GET", path, headers=stage.callers.columns[0].headers))
    assert (answer.status, answer.headers["content-type"]) == (404, "application/problem+json")
    assert answer.code == "not_found"


async def test_other_methods_are_405_with_allow(stage: Stage) -> None:
    known = matrix.operations()
    by_path: dict[str, set[str]] = {}
    for operation in known.values():
        by_path.setdefault(operation.path, set()).add(operation.method)
    tried = 0
    for path, methods in by_path.items():
        concrete = path.replace("{", "").replace("}", "")
        for method in {"GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS", "TRACE", "PROPFIND", "x"} - methods:
            answer = await ask(stage.app, Request(method, concrete))
            tried += 1
            if answer.status == 404:  # another path with a name in that place
                continue
            if answer.status in (401, 422) and method in {"GET", "POST", "DELETE"}:
                continue
            assert (answer.status, answer.code) == (405, "method_not_allowed"), f"{method} {path}: {answer.status}"
            assert set(answer.headers["allow"].split(", ")) & methods, f"{method} {path}: {answer.headers['allow']}"
    assert tried > 1500


@pytest.mark.parametrize("declared", [True, False], ids=["declared", "chunked"])
@pytest.mark.parametrize("kind", ["application/json", "multipart/form-data; boundary=x", "text/plain"])
async def test_sixty_megabytes_are_refused(stage: Stage, declared: bool, kind: str) -> None:
    headers = {**stage.callers.columns[3].headers, "Content-Type": kind}
    headers |= {"Content-Length": str(60 * 1024 * 1024)} if declared else {"Transfer-Encoding": "chunked"}
    content = b'{"title": "' + hostile.MARK.encode() * (12 * 1024 * 1024) + b'"}'
    path = "/v1/files" if "multipart" in kind else "/v1/tickets"
    answer = await ask(stage.app, Request("POST", path, headers=headers, raw=content))
    assert answer.status in (413, 415)
    assert answer.headers["content-type"] == "application/problem+json"
    assert hostile.MARK not in answer.body.decode()
