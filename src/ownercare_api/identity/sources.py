"""Where a request comes from, as far as attempts are counted by it."""

import ipaddress
from collections.abc import Sequence
from functools import lru_cache

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

UNKNOWN = "unknown"
_MAX_HOPS = 20


@lru_cache(maxsize=8)
def networks(trusted_proxies: str | None) -> tuple[Network, ...]:
    """Return the networks of a list with commas, such as `10.0.0.0/8, 192.0.2.7`."""
    given = (one.strip() for one in (trusted_proxies or "").split(","))
    return tuple(ipaddress.ip_network(one, strict=False) for one in given if one)


def source_of(*, peer: str | None, forwarded_for: Sequence[str], trusted: Sequence[Network]) -> str:
    """Return the source of a request: an IPv4 address, or the /64 of an IPv6 address, which one subscriber has whole.

    `X-Forwarded-For` (`forwarded_for`, header by header) is written by anybody, so only what a trusted proxy added is
    read: from the right, up to the first address that is no trusted proxy's.
    """
    nearest = _address(peer)
    if nearest is None:
        return UNKNOWN
    hops = [part.strip() for header in forwarded_for for part in header.split(",")]
    for hop in reversed(hops[-_MAX_HOPS:]):
        if not any(nearest in network for network in trusted):
            break
        behind = _address(hop)
        if behind is None:
            break
        nearest = behind
    if isinstance(nearest, ipaddress.IPv6Address):
        return str(ipaddress.ip_network((nearest, 64), strict=False))
    return str(nearest)


def _address(text: str | None) -> Address | None:
    try:
        found = ipaddress.ip_address((text or "").strip().strip("[]"))
    except ValueError:
        return None
    if isinstance(found, ipaddress.IPv6Address) and found.ipv4_mapped is not None:
        return found.ipv4_mapped
    return found
