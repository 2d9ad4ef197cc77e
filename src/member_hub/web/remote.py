"""From where a request comes, as far as limits count it: the one rule for codes, tries and bad tokens."""

import ipaddress

from starlette.requests import Request


def remote_address(request: Request, hops: int | None) -> str:
    """The peer of the connection, or what the outermost of `hops` proxies of one's own saw as its peer.

    What stands further left in X-Forwarded-For is the client's own word, and counts for nothing.
    """
    peer = request.client.host if request.client is not None else ""
    if not hops:
        return counted(peer)
    seen = [part.strip() for part in ",".join(request.headers.getlist("x-forwarded-for")).split(",")]
    return (counted(seen[-hops]) if len(seen) >= hops else "") or counted(peer)


def counted(host: str) -> str:
    """An IPv4 address by itself, an IPv6 one by its /64: whoever has one of these has them all."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return ""
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped is not None:
            return str(address.ipv4_mapped)
        return str(ipaddress.ip_network((address, 64), strict=False))
    return str(address)
