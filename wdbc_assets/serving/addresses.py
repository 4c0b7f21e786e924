"""IP addresses: which client a request comes from."""

import ipaddress
from collections.abc import Sequence
from typing import TypeAlias

Network: TypeAlias = ipaddress.IPv4Network | ipaddress.IPv6Network
Address: TypeAlias = ipaddress.IPv4Address | ipaddress.IPv6Address

_IPV6_CLIENT_PREFIX = 64  # bits; within its /64 a client can choose any address


def client(peer: str, forwarded: str, trusted: Sequence[Network]) -> str:
    """Return the client address of a request.

    This is the peer's address, unless the peer is a trusted proxy. Then it is the right-most address in
    `X-Forwarded-For` that does not belong to a trusted proxy; anything to the left of it may be forged by the client.
    If there is no such address, or the header is malformed, the peer's address is returned.
    """
    try:
        if not forwarded or not _is_any(_address(peer), trusted):
            return peer
        for entry in reversed(forwarded.split(",")):
            address = _address(_without_port(entry.strip()))
            if not _is_any(address, trusted):
                return str(address)
    except ValueError:
        pass
    return peer


def group(address: str) -> str:
    """Return the addresses attributed to one client: an IPv4 address, or an IPv6 /64 network."""
    try:
        parsed = _address(address)
    except ValueError:
        return address
    if isinstance(parsed, ipaddress.IPv4Address):
        return str(parsed)
    return str(ipaddress.IPv6Network((int(parsed), _IPV6_CLIENT_PREFIX), strict=False))


def _address(text: str) -> Address:
    """Parse an address. An IPv4-mapped IPv6 address (`::ffff:10.0.0.1`) becomes an IPv4 address."""
    address = ipaddress.ip_address(text)
    return getattr(address, "ipv4_mapped", None) or address


def _without_port(entry: str) -> str:
    """Return the address without the port that some proxies add: `1.2.3.4:567` or `[::1]:567`."""
    if entry.startswith("["):
        return entry[1:].partition("]")[0]
    return entry.partition(":")[0] if entry.count(":") == 1 else entry


def _is_any(address: Address, networks: Sequence[Network]) -> bool:
    return any(address in network for network in networks)
