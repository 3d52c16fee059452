"""Asking an address that somebody else wrote down, without being led into our own network (SSRF).

A name is resolved once, every address that it has must be permitted, and the connection goes to the address that was
checked; so neither a redirect nor a name that changes meanwhile leads inside.
"""

import socket
from collections.abc import Callable
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address

Address = IPv4Address | IPv6Address
Permitted = Callable[[Address, int], bool]

_TRANSLATED = IPv6Network("64:ff9b::/96")  # IPv4 behind a translator, RFC 6052


class NotPermitted(Exception):
    """The address is not one that may be asked."""


def is_public(address: Address) -> bool:
    """Whether an address is out in the world: not this machine, not its network, not a cloud's own."""
    if address in _TRANSLATED:
        return is_public(IPv4Address(int(address) & 0xFFFFFFFF))
    inner = getattr(address, "ipv4_mapped", None) or getattr(address, "sixtofour", None)
    if inner is not None:
        return is_public(inner)
    return address.is_global and not address.is_multicast and not address.is_reserved


def may_be_inside(address: Address) -> bool:
    """Whether an address in our own network can be permitted at all: a cloud's own, which hands out keys, cannot."""
    inner = getattr(address, "ipv4_mapped", None)
    if inner is not None:
        return may_be_inside(inner)
    keys = str(address) in ("100.100.100.200", "fd00:ec2::254", "168.63.129.16")
    return not (address.is_link_local or address.is_multicast or address.is_unspecified or keys)


def resolve(host: str, port: int, permitted: Permitted) -> list[Address]:
    """The addresses of a host, provided that all of them may be asked. NotPermitted, or OSError where there is none."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    addresses = [ip_address(str(entry[4][0]).partition("%")[0]) for entry in found]
    if not addresses or not all(permitted(address, port) for address in addresses):
        raise NotPermitted(host)
    return list(dict.fromkeys(addresses))
