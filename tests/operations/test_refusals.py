"""The catalogue of error codes: what the `type` of every problem document leads to."""

import re

import httpx
import pytest


@pytest.mark.rule("ORG-28")
async def test_the_type_of_a_problem_leads_to_its_meaning(client: httpx.AsyncClient) -> None:
    problem = (await client.get("/v1/tickets")).json()
    assert problem["type"] == "/problems/invalid_token"
    found = await client.get(problem["type"])
    assert found.status_code == 200
    assert found.headers["cache-control"] == "public, max-age=86400"
    assert found.json() == [
        {
            "code": "invalid_token",
            "status": 401,
            "title_zh": "未登录",
            "title_en": "Not authenticated",
            "detail_zh": "访问令牌无效、已过期或已撤销,请重新登录。",
            "detail_en": "The access token is invalid, expired or revoked; log in again.",
            "about": "401: the token is not ours, is malformed, expired or revoked.",
            "rules": [],
        }
    ]


async def test_every_code_of_the_document_is_in_the_catalogue_in_both_languages(client: httpx.AsyncClient) -> None:
    listed = (await client.get("/problems")).json()
    document = (await client.get("/openapi.json")).json()
    codes = {example["value"]["code"] for example in document["components"]["examples"].values()}
    assert codes <= {one["code"] for one in listed}
    assert [one["code"] for one in listed] == sorted(one["code"] for one in listed)
    faulty = [
        one["code"]
        for one in listed
        if not (400 <= one["status"] < 600 and one["detail_en"] and re.search(r"[\u4e00-\u9fff]", one["detail_zh"]))
    ]
    assert faulty == []


async def test_an_unknown_code(client: httpx.AsyncClient) -> None:
    for code, status in (("nothing_like_it", 404), ("%3Cscript%3E", 422), ("x" * 200, 422)):
        refused = await client.get(f"/problems/{code}")
        assert refused.status_code == status
        assert refused.headers["content-type"] == "application/problem+json"
        assert "script" not in refused.json()["detail"]
