"""No address of a private network is ever dialled, however it is spelled."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from delivery.guard import (
    AddressRefused,
    AddressRule,
    UnsafeUrl,
    check_url,
    parse_networks,
)
from domain.errors import UserError

PUBLIC = AddressRule((), public=True)
LOOPBACK = parse_networks(["127.0.0.0/8"])

NEVER_PUBLIC = [
    "0.0.0.0",
    "10.0.0.1",
    "100.64.0.1",
    "127.0.0.1",
    "127.255.255.254",
    "168.63.129.16",
    "169.254.169.254",
    "172.16.0.1",
    "172.31.255.255",
    "192.0.0.1",
    "192.0.2.1",
    "192.88.99.1",
    "192.168.1.1",
    "198.18.0.1",
    "198.51.100.1",
    "203.0.113.1",
    "224.0.0.1",
    "239.255.255.255",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::127.0.0.1",
    "::ffff:127.0.0.1",
    "::ffff:10.0.0.1",
    "::ffff:0:127.0.0.1",
    "64:ff9b::7f00:1",
    "64:ff9b:1::1",
    "100::1",
    "2001::1",
    "2001:20::1",
    "2001:db8::1",
    "2002:7f00:1::",
    "3fff::1",
    "5f00::1",
    "fc00::1",
    "fd00:ec2::254",
    "fe80::1",
    "fe80::1%eth0",
    "fec0::1",
    "ff02::1",
]


@pytest.mark.parametrize("address", NEVER_PUBLIC)
def test_private_addresses_are_not_dialled(address: str) -> None:
    assert not PUBLIC.permits(address)
    with pytest.raises(AddressRefused):
        PUBLIC.open_socket(address, 2, 1, 6)


@pytest.mark.parametrize(
    "address",
    ["1.1.1.1", "93.184.216.34", "172.32.0.1", "100.128.0.1", "2606:4700::1111"],
)
def test_public_addresses_are_dialled(address: str) -> None:
    assert PUBLIC.permits(address)


@given(st.ip_addresses(v=4))
def test_what_python_calls_private_is_never_public_to_us(address: object) -> None:
    from ipaddress import IPv4Address

    assert isinstance(address, IPv4Address)
    if not address.is_global or address.is_multicast:
        assert not PUBLIC.permits(str(address))


def test_allowed_networks_open_what_they_name_and_no_more() -> None:
    rule = AddressRule(LOOPBACK, public=False)
    assert rule.permits("127.0.0.1")
    assert not rule.permits("10.0.0.1")
    assert not rule.permits("1.1.1.1")
    assert not rule.permits("::ffff:127.0.0.1")


@pytest.mark.parametrize("text", ["127.0.0.1/8", "ten", "10.0.0.0/33"])
def test_bad_networks_are_refused_with_a_sentence(text: str) -> None:
    with pytest.raises(UserError, match="CIDR"):
        parse_networks([text])


@pytest.mark.parametrize(
    "url",
    [
        "https://example.com/hooks",
        "https://example.com:8443/hooks?x=1",
        "https://xn--bcher-kva.example/",
        "https://1.1.1.1/",
        "https://[2606:4700::1111]/",
    ],
)
def test_good_urls_pass(url: str) -> None:
    check_url(url)


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("http://example.com/", "https"),
        ("ftp://example.com/", "https"),
        ("file:///etc/passwd", "https"),
        ("gopher://example.com/", "https"),
        ("javascript:alert(1)", "https"),
        ("example.com/hooks", "https"),
        ("", "https"),
        ("https://", "host name"),
        ("https:///path", "host name"),
        ("https://user:pass@example.com/", "user name"),
        ("https://example.com@127.0.0.1/", "user name"),
        ("https://@example.com/", "user name"),
        ("https://example.com./", "trailing dot"),
        ("https://example.com/#part", "fragment"),
        ("https://example.com:22/", "Port 22"),
        ("https://example.com:25/", "Port 25"),
        ("https://example.com:5432/", "Port 5432"),
        ("https://example.com:0/", "Port 0"),
        ("https://example.com:99999/", "cannot be read"),
        ("https://example.com:port/", "cannot be read"),
        ("https://[::1/", "cannot be read"),
        ("https://\u0435xample.com/", "non-ASCII"),  # a Cyrillic e
        ("https://①②⑦.0.0.1/", "non-ASCII"),
        ("https://example.com /", "spaces"),
        ("https://example.com\\@127.0.0.1/", "backslashes"),
        ("https://example.com/\r\nx: y", "control"),
        ("https://127.0.0.1/", "not a permitted address"),
        ("https://169.254.169.254/latest/meta-data", "not a permitted address"),
        ("https://[::1]/", "not a permitted address"),
        ("https://[::ffff:169.254.169.254]/", "not a permitted address"),
        ("https://2130706433/", "plain address"),
        ("https://0x7f000001/", "plain address"),
        ("https://0x7f.1/", "plain address"),
        ("https://0177.0.0.1/", "plain address"),
        ("https://127.1/", "plain address"),
        ("https://127.0.0.0x1/", "plain address"),
    ],
)
def test_bad_urls_are_refused_with_the_reason(url: str, reason: str) -> None:
    with pytest.raises(UnsafeUrl, match=reason):
        check_url(url)


def test_http_is_for_explicitly_allowed_networks() -> None:
    check_url("http://127.0.0.1:9000/", LOOPBACK)
    check_url("http://localhost:9000/", LOOPBACK)  # judged when it is dialled
    with pytest.raises(UnsafeUrl):
        check_url("http://10.0.0.1/", LOOPBACK)
    with pytest.raises(UnsafeUrl):
        check_url("http://1.1.1.1/", LOOPBACK)
    with pytest.raises(UnsafeUrl):
        check_url("http://127.0.0.1:9000/")
