"""Whether a host is this machine, which decides what may be done without encryption or keys."""

import ipaddress


def is_loopback(host: str) -> bool:
    """Return whether only local clients can reach this host. An unknown name counts as reachable by others."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False
