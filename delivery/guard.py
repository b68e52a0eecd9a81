"""The guard against being made to call private addresses (SSRF).

Two walls. `check_url` refuses bad URLs when an endpoint is registered and again before
each send. `AddressRule` judges the concrete address at the moment of the dial, after
any name resolution, so a name that resolves differently later gains nothing. The HTTP
client (`posting.py`) calls it from aiohttp's `socket_factory`.
"""

from __future__ import annotations

import socket
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
    ip_network,
)
from urllib.parse import urlsplit

from domain.errors import UserError

Network = IPv4Network | IPv6Network
Networks = Sequence[Network]


class UnsafeUrl(UserError):
    """A URL that is never sent to, with the reason."""


class AddressRefused(OSError):
    """A dial to an address outside the permitted networks.

    Its text holds `MARK`: libraries wrap and merge the errors of several addresses.
    """

    MARK = "is not a permitted address"


# Not left to `ipaddress.is_global`: it passes several of these, and which ones depends
# on the Python version.
_NOT_PUBLIC_V4 = tuple(
    map(
        IPv4Network,
        (
            "0.0.0.0/8",
            "10.0.0.0/8",
            "100.64.0.0/10",
            "127.0.0.0/8",
            "168.63.129.16/32",  # a cloud's host agent behind a formally public address
            "169.254.0.0/16",
            "172.16.0.0/12",
            "192.0.0.0/24",
            "192.0.2.0/24",
            "192.31.196.0/24",
            "192.52.193.0/24",
            "192.88.99.0/24",
            "192.168.0.0/16",
            "192.175.48.0/24",
            "198.18.0.0/15",
            "198.51.100.0/24",
            "203.0.113.0/24",
            "224.0.0.0/4",
            "240.0.0.0/4",
        ),
    )
)
# Everything allocated to the public lies in 2000::/3, which leaves out mapped,
# translated, unique-local, site-local, link-local and multicast addresses at once.
_PUBLIC_V6 = IPv6Network("2000::/3")
_NOT_PUBLIC_V6 = tuple(
    map(IPv6Network, ("2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20"))
)

# Services that speak text protocols and could be talked into something by a POST.
_REFUSED_PORTS = frozenset(
    {
        *(0, 7, 9, 11, 13, 17, 19, 20, 21, 22, 23, 25, 37, 42, 43, 53, 69, 79, 88),
        *(110, 111, 113, 119, 123, 135, 137, 139, 143, 161, 179, 389, 427, 445, 465),
        *(512, 513, 514, 515, 526, 530, 531, 532, 540, 548, 554, 556, 563, 587, 601),
        *(636, 873, 989, 990, 993, 995, 1433, 1521, 1719, 1720, 1723, 2049, 2375),
        *(2376, 2379, 2380, 3306, 3389, 3659, 4045, 5060, 5061, 5432, 5672, 6000),
        *(6379, 6566, 6660, 6665, 6666, 6667, 6668, 6669, 6697, 8125, 9042, 9092),
        *(9200, 9300, 10080, 11211, 27017),
    }
)


def is_public(address: IPv4Address | IPv6Address) -> bool:
    """Whether the address is one of a public server, by our own lists."""
    if isinstance(address, IPv4Address):
        return not any(address in network for network in _NOT_PUBLIC_V4)
    return address in _PUBLIC_V6 and not any(
        address in network for network in _NOT_PUBLIC_V6
    )


def parse_networks(networks: Iterable[str]) -> tuple[Network, ...]:
    """CIDR texts as networks.

    Raises:
        UserError: not a network, or one with host bits set.
    """
    try:
        return tuple(ip_network(network) for network in networks)
    except ValueError as error:
        raise UserError(f"Not a network in CIDR form: {error}.") from error


@dataclass(frozen=True, slots=True)
class AddressRule:
    """Which addresses may be dialled.

    Attributes:
        allowed: networks that may always be dialled.
        public: whether public addresses may be dialled too: yes over https, no over
            http, which is for explicitly allowed networks only.
    """

    allowed: tuple[Network, ...]
    public: bool

    def permits(self, host: str) -> bool:
        """Judge a literal address as the socket layer spells it."""
        try:
            address = ip_address(host.partition("%")[0])
        except ValueError:
            return False
        if any(address in network for network in self.allowed):
            return True
        return self.public and is_public(address)

    def open_socket(
        self, host: str, family: int, kind: int, proto: int
    ) -> socket.socket:
        """A non-blocking socket for a dial to `host`.

        Raises:
            AddressRefused: the rule does not permit it; nothing was dialled.
        """
        if not self.permits(host):
            raise AddressRefused(f"{host} {AddressRefused.MARK}")
        opened = socket.socket(family=family, type=kind, proto=proto)
        opened.setblocking(False)
        return opened


def check_url(url: str, allow_networks: Networks = ()) -> None:
    """Refuse a URL whose form alone forbids sending to it.

    Names are not resolved here: what they resolve to is judged at each dial.

    Raises:
        UnsafeUrl: names what is wrong.
    """
    if not url.isascii() or any(c < "!" or c in "\\\x7f" for c in url):
        raise UnsafeUrl(
            "The URL holds spaces, backslashes, control or non-ASCII characters; give "
            "an international name in its xn-- form."
        )
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise UnsafeUrl(f"The URL cannot be read: {error}") from error
    if parts.scheme not in ("https", "http"):
        raise UnsafeUrl("The URL must begin with https://.")
    if "@" in parts.netloc:
        raise UnsafeUrl("The URL must not hold a user name or password.")
    if parts.fragment:
        raise UnsafeUrl("The URL must not hold a fragment (#).")
    if port in _REFUSED_PORTS:
        raise UnsafeUrl(f"Port {port} belongs to another service.")
    _check_host(parts.hostname, parts.scheme, allow_networks)


def _check_host(host: str | None, scheme: str, allow_networks: Networks) -> None:
    if not host or host.endswith("."):
        raise UnsafeUrl("The URL needs a host name without a trailing dot.")
    try:
        ip_address(host)
        literal = True
    except ValueError:
        literal = False
    # 0x7f.1, 2130706433 and 0177.0.0.1 are loopback to the resolver: numbers that are
    # not a plain address have no honest use.
    last = host.rsplit(".", 1)[-1]
    if not literal and (last.isdigit() or last.startswith("0x")):
        raise UnsafeUrl(f"The host {host} is neither a name nor a plain address.")
    if scheme == "http" and not allow_networks:
        raise UnsafeUrl("Plain http is for explicitly allowed networks; use https.")
    rule = AddressRule(tuple(allow_networks), public=scheme == "https")
    if literal and not rule.permits(host):
        raise UnsafeUrl(f"{host} is not a permitted address for {scheme}.")
