"""The documentation pages work without any other host."""

import gzip
import re

import httpx
import pytest

POLICY = (
    "default-src 'self'; img-src 'self' data:; style-src 'self' 'unsafe-inline'; script-src 'self'; "
    "worker-src 'self' blob:; frame-ancestors 'none'; base-uri 'none'; form-action 'self'"
)


@pytest.mark.parametrize("page", ["/docs", "/redoc"])
async def test_pages_load_only_from_here(client: httpx.AsyncClient, page: str) -> None:
    answer = await client.get(page)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert answer.headers["content-security-policy"] == POLICY
    links = re.findall(r'(?:src|href)="([^"]*)"', answer.text)
    assert len(links) >= 3
    assert [link for link in links if not link.startswith("docs/assets/")] == []
    assert re.findall(r"<script>|onload=|style=", answer.text) == []
    for link in links:
        asset = await client.get(f"/{link}")
        assert asset.status_code == 200, link
        assert asset.headers["cache-control"] == "public, max-age=86400"
        assert asset.headers["x-content-type-options"] == "nosniff"
        again = await client.get(f"/{link}", headers={"If-None-Match": asset.headers["etag"]})
        assert (again.status_code, again.content) == (304, b"")


async def test_redoc_fetches_no_picture_from_its_makers(client: httpx.AsyncClient) -> None:
    script = (await client.get("/docs/assets/redoc.standalone.js")).text
    assert len(script) > 500_000
    assert "cdn.redoc" not in script


async def test_swagger_asks_no_validator(client: httpx.AsyncClient) -> None:
    script = (await client.get("/docs/assets/swagger-init.js")).text
    assert '"validatorUrl": null' in script
    assert '"url": "openapi.json"' in script


@pytest.mark.parametrize("name", ["secrets.json", "..%2F__init__.py", "%2e%2e%2fcore.py", "swagger-ui-bundle.js.map"])
async def test_other_files_are_not_served(client: httpx.AsyncClient, name: str) -> None:
    answer = await client.get(f"/docs/assets/{name}")
    assert answer.status_code == 404
    assert answer.headers["content-type"] == "application/problem+json"


async def test_the_document_is_served_and_cached(client: httpx.AsyncClient) -> None:
    answer = await client.get("/openapi.json")
    assert answer.status_code == 200
    assert answer.json()["info"]["title"] == "OwnerCare"
    again = await client.get("/openapi.json", headers={"If-None-Match": answer.headers["etag"]})
    assert again.status_code == 304


async def test_the_document_is_packed_for_who_can_unpack(client: httpx.AsyncClient) -> None:
    answers = {}
    for coding in ("gzip", "identity"):
        async with client.stream("GET", "/openapi.json", headers={"Accept-Encoding": coding}) as answer:
            assert answer.headers["vary"] == "Accept-Encoding"
            answers[coding] = answer, b"".join([part async for part in answer.aiter_raw()])
    (packed, short), (plain, long) = answers["gzip"], answers["identity"]
    assert (packed.headers["content-encoding"], "content-encoding" in plain.headers) == ("gzip", False)
    assert gzip.decompress(short) == long
    assert len(short) * 5 < len(long)
    assert packed.headers["etag"] != plain.headers["etag"]
