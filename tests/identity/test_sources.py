"""Where a request comes from: what a proxy adds is read only from a trusted one, and only what it added."""

import pytest
from pydantic import ValidationError

from ownercare_api.core.settings import Settings
from ownercare_api.identity.sources import networks, source_of

PROXIES = networks("10.0.0.0/8, 2001:db8:1::/48")


@pytest.mark.parametrize(
    ("peer", "forwarded_for", "source"),
    [
        ("203.0.113.7", [], "203.0.113.7"),
        ("203.0.113.7", ["198.51.100.1"], "203.0.113.7"),  # not a proxy of ours: it may write what it likes
        ("10.0.0.5", ["198.51.100.1"], "198.51.100.1"),
        ("10.0.0.5", ["203.0.113.99, 198.51.100.1"], "198.51.100.1"),  # the left one the caller made up
        ("10.0.0.5", ["203.0.113.99", "198.51.100.1, 10.9.9.9"], "198.51.100.1"),  # two proxies of ours
        ("10.0.0.5", ["198.51.100.1, nonsense"], "10.0.0.5"),
        ("10.0.0.5", ["10.1.1.1, 10.2.2.2"], "10.1.1.1"),  # from inside
        ("10.0.0.5", [], "10.0.0.5"),
        ("10.0.0.5", [", ".join(["198.51.100.1"] * 50)], "198.51.100.1"),
        ("2001:db8:1::5", ["2001:db8:2:3:4:5:6:7"], "2001:db8:2:3::/64"),
        ("2001:db8:9:9:aaaa::1", [], "2001:db8:9:9::/64"),
        ("::ffff:203.0.113.7", [], "203.0.113.7"),
        ("testclient", [], "unknown"),
        (None, ["198.51.100.1"], "unknown"),
    ],
)
def test_the_source(peer: str | None, forwarded_for: list[str], source: str) -> None:
    assert source_of(peer=peer, forwarded_for=forwarded_for, trusted=PROXIES) == source


def test_no_proxy_is_trusted_unless_it_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    assert networks(Settings().trusted_proxies) == ()
    monkeypatch.setenv("OWNERCARE_TRUSTED_PROXIES", "127.0.0.1, 10.0.0.0/8")
    assert len(networks(Settings().trusted_proxies)) == 2
    monkeypatch.setenv("OWNERCARE_TRUSTED_PROXIES", "the-proxy")
    with pytest.raises(ValidationError):
        Settings()
