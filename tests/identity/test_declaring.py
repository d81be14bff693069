"""What operations of one kind declare alike; what the document adds by itself is tested with it."""

from enum import StrEnum
from typing import Any

import pytest
from pydantic import BaseModel

from ownercare_api.core.errors import Conflict, Invalid, NotFound
from ownercare_api.core.http.idempotency import KeyRequired
from ownercare_api.core.http.problems import MEDIA_TYPE
from ownercare_api.core.lifecycle import Lifecycle, Step
from ownercare_api.identity.declaring import Declaration, Steps, creates, deletes, downloads, lists, reads, updates


class Lamp(BaseModel):
    lit: bool


class LampNotFound(NotFound):
    code = "lamp_not_found"


class BulbGone(Conflict):
    code = "bulb_gone"


class Unsuitable(Invalid):
    code = "unsuitable"


class State(StrEnum):
    DARK = "dark"
    LIT = "lit"


LIFECYCLE = Lifecycle.of(
    "lamp",
    State.DARK,
    [
        Step("lighting", frozenset({State.DARK}), State.LIT, scope="lamps:light", rules=("REP-02", "REP-04")),
        Step("lighting/reversal", frozenset({State.LIT}), State.DARK, scope="lamps:light"),
    ],
)
STEP = Steps("lamps", LIFECYCLE, model=Lamp, missing=(LampNotFound,))


def refused(made: Declaration) -> dict[int, list[str]]:
    """Return the declared codes by status, in their order."""
    found: dict[int, Any] = made["responses"]
    return {status: list(told["content"][MEDIA_TYPE]["examples"]) for status, told in found.items() if status >= 400}


def facts(made: Declaration) -> tuple[str, str, int, Any]:
    return made["operation_id"], made["summary"], made["status_code"], made.get("response_model")


def test_a_look_refuses_strangers_and_what_its_router_names() -> None:
    made = reads("lamps_read", "A lamp (灯)", LampNotFound, rules=("REP-02",), model=Lamp)
    assert facts(made) == ("lamps_read", "A lamp (灯)", 200, Lamp)
    assert made["openapi_extra"] == {"x-rules": ["REP-02"]}
    assert refused(made) == {401: ["invalid_token"], 403: ["missing_scope"], 404: ["lamp_not_found"]}


def test_what_anyone_may_look_at_needs_no_scope() -> None:
    made = lists("lamps_list", "Lamps (灯)", rules=(), model=list[Lamp], anyone=True)
    assert refused(made) == {401: ["invalid_token"]}


def test_what_makes_something_answers_that_it_was_made() -> None:
    made = creates("lamps_create", "Hang a lamp (装灯)", Unsuitable, rules=(), model=Lamp)
    assert facts(made) == ("lamps_create", "Hang a lamp (装灯)", 201, Lamp)
    assert refused(made) == {401: ["invalid_token"], 403: ["missing_scope"], 422: ["unsuitable"]}


def test_a_change_needs_the_reach() -> None:
    made = updates("lamps_update", "Change a lamp (换灯)", LampNotFound, rules=(), model=Lamp)
    assert refused(made) == {
        401: ["invalid_token"],
        403: ["missing_scope", "out_of_reach"],
        404: ["lamp_not_found"],
    }


def test_a_deletion_answers_nothing() -> None:
    made = deletes("lamps_delete", "Take a lamp down (拆灯)", BulbGone, rules=("REP-02",))
    assert facts(made) == ("lamps_delete", "Take a lamp down (拆灯)", 204, None)
    assert refused(made)[409] == ["bulb_gone"]


def test_a_file_is_described() -> None:
    made = downloads("lamps_picture_read", "Its picture (照片)", rules=(), what="a picture", media=("image/png",))
    assert made["responses"][200] == {
        "description": "a picture",
        "content": {"image/png": {"schema": {"type": "string"}}},
    }
    assert "response_model" not in made


def test_a_step_has_its_rules_from_the_table() -> None:
    made = STEP("lighting", "Light it (点灯)", BulbGone, one_of=["lamps:north", "lamps:south"])
    assert facts(made) == ("lamps_lighting_create", "Light it (点灯)", 201, Lamp)
    assert made["openapi_extra"] == {
        "x-rules": ["REP-02", "REP-04"],
        "x-scopes-one-of": ["lamps:north", "lamps:south"],
    }
    assert "dependencies" not in made
    assert refused(made) == {
        401: ["invalid_token"],
        403: ["missing_scope", "out_of_reach"],
        404: ["lamp_not_found"],
        409: ["wrong_status", "bulb_gone"],
    }


def test_a_step_that_moves_money_needs_a_key() -> None:
    made = STEP("lighting/reversal", "Put it out (熄灯)", rules=("FIN-09",), keyed=True)
    assert made["operation_id"] == "lamps_lighting_reversal_create"
    assert made["openapi_extra"] == {"x-rules": ["FIN-09"]}
    assert made["dependencies"] == [KeyRequired]


def test_a_step_that_the_table_does_not_know_is_a_mistake() -> None:
    with pytest.raises(KeyError, match="dimming"):
        STEP("dimming", "Dim it (调暗)")
