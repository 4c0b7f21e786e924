"""Addresses: which of them only this machine can reach, and which one a request comes from."""

import ipaddress
from collections.abc import Sequence
from typing import TypeAlias

Network: TypeAlias = ipaddress.IPv4Network | ipaddress.IPv6Network
Address: TypeAlias = ipaddress.IPv4Address | ipaddress.IPv6Address

_IPV6_OF_ONE_CUSTOMER = 64  # bits of prefix: below it a client chooses its addresses at will


def is_loopback(host: str) -> bool:
    """Say whether nobody but this machine reaches what listens there. An unknown name is reached by everybody."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def client(peer: str, forwarded: str, trusted: Sequence[Network]) -> str:
    """Return the address of the client of a request.

    It is the peer's, unless the peer is a trusted proxy: then it is the right-most address of `X-Forwarded-For` that is
    not a trusted proxy's. All to the left of it may be the client's own invention. If there is no such address, or the
    header is malformed, it is the peer's.
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
    """Return what one client holds of addresses: an IPv4 address, or an IPv6 network of 64 bits."""
    try:
        parsed = _address(address)
    except ValueError:
        return address
    if isinstance(parsed, ipaddress.IPv4Address):
        return str(parsed)
    return str(ipaddress.IPv6Network((int(parsed), _IPV6_OF_ONE_CUSTOMER), strict=False))


def _address(text: str) -> Address:
    """Parse an address; one of IPv4 that is written as IPv6 (`::ffff:10.0.0.1`) is one of IPv4."""
    address = ipaddress.ip_address(text)
    return getattr(address, "ipv4_mapped", None) or address


def _without_port(entry: str) -> str:
    """Return the address of `1.2.3.4:567` or `[::1]:567`, as some proxies write it."""
    if entry.startswith("["):
        return entry[1:].partition("]")[0]
    return entry.partition(":")[0] if entry.count(":") == 1 else entry


def _is_any(address: Address, networks: Sequence[Network]) -> bool:
    return any(address in network for network in networks)
