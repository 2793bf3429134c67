"""IP addresses: accepted texts, canonical text and order, compared with `ipaddress`."""

from __future__ import annotations

import ipaddress

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from reduction.pipeline.ip_address import LONGEST_TEXT, Address, canonical, parse

numbers_4 = st.integers(0, 2**32 - 1)
# Random numbers hardly ever contain a run of zeros; hextets drawn from a few values do.
numbers_6 = st.one_of(
    st.integers(0, 2**128 - 1),
    st.lists(st.sampled_from([0, 0, 0, 1, 0xFF, 0xFFFF]), min_size=8, max_size=8).map(
        lambda hextets: sum(hextet << 16 * index for index, hextet in enumerate(hextets))
    ),
)
V4 = {"0.0.0.0": 0, "255.255.255.255": 2**32 - 1, "10.0.0.1": 0x0A000001, "1.2.3.4": 0x01020304}
V6 = {
    "::": 0,
    "::1": 1,
    "0:0:0:0:0:0:0:1": 1,
    "2001:DB8::00A": 0x20010DB8 << 96 | 10,
    "::1.2.3.4": 0x01020304,
    "::ffff:1.2.3.4": 0xFFFF01020304,
    "0000:0000:0000:0000:0000:ffff:255.255.255.255": 0xFFFFFFFFFFFF,
    "1:2:3:4:5:6:7::": 0x1_0002_0003_0004_0005_0006_0007_0000,
    "::2:3:4:5:6:7:8": 0x2_0003_0004_0005_0006_0007_0008,
}
INVALID = [
    "", " ", "\t", "-", "n/a", "localhost", "10", "10.0.0", "10.0.0.0.1", "10.0.0.256", "10.0.0.01",
    "010.0.0.1", "10.0.0.1/32", "10.0.0.1:80", "10.0.0.-1", "10.0.0.+1", "10.0.0.1.", ".10.0.0.1", "10..0.1",
    "1 0.0.0.1",    "10.0.0.1 x", "0x10.0.0.1", "1e1.0.0.1", "10,0,0,1", "\u0661\u0660.0.0.1", "\uff11.1.1.1",
    "10.0.0.1\u00a0", "10.0.0.1\n", "\v10.0.0.1", "10.0.0.1\0", "167772161",
    ":", ":::", "1::2::3", "1:2:3:4:5:6:7", "1:2:3:4:5:6:7:8:9", "12345::", "g::", "::1/128", "[::1]", "::1]",
    "::1.2.3", "::1.2.3.04", "1.2.3.4::", "::1.2.3.4:5", ":1:2:3:4:5:6:7", "1:2:3:4:5:6:7:",
    "1:2:3:4:5:6:7::8", "fe80::1%eth0", "fe80::1%", "fe80::1%25eth0", "::%1",
]  # fmt: skip


@pytest.mark.parametrize(("text", "number"), V4.items())
def test_a_dotted_quad_is_an_ipv4_address(text, number):
    assert parse(text) == Address(4, number)


@pytest.mark.parametrize(("text", "number"), V6.items())
def test_every_form_of_ipv6_is_accepted(text, number):
    assert parse(text) == Address(6, number)


@pytest.mark.parametrize("text", INVALID)
def test_anything_else_is_invalid(text):
    assert parse(text) is None


def test_spaces_and_tabs_before_and_after_an_address_are_ignored():
    assert parse(" \t 10.0.0.1 \t ") == parse("10.0.0.1")
    assert parse(" " * 1000 + "::1") == Address(6, 1)


def test_the_longest_address_has_the_maximum_length():
    assert len("0000:0000:0000:0000:0000:ffff:255.255.255.255") == LONGEST_TEXT


@given(numbers_4)
def test_ipv4_survives_a_round_trip(number):
    text = str(ipaddress.IPv4Address(number))
    assert parse(text) == Address(4, number)
    assert canonical(Address(4, number)) == text


@given(numbers_6)
def test_ipv6_is_formatted_as_ipaddress_does(number):
    if number >> 32 == 0xFFFF:
        return  # IPv4-mapped: another test, because versions of Python differ
    assert canonical(Address(6, number)) == str(ipaddress.IPv6Address(number))


@given(numbers_6)
def test_every_form_of_an_address_is_parsed_to_the_same_number(number):
    address = ipaddress.IPv6Address(number)
    once = canonical(Address(6, number))
    for form in (address.exploded, address.exploded.upper(), address.compressed, once):
        assert parse(form) == Address(6, number)


@given(numbers_4)
@example(0)
def test_ipv4_mapped_addresses_are_written_with_hextets_in_every_version_of_python(number):
    text = canonical(Address(6, 0xFFFF << 32 | number))
    assert text.startswith("::ffff:")
    assert "." not in text
    assert [int(hextet, 16) for hextet in text.split(":")[3:]] == [number >> 16, number & 0xFFFF]
    assert parse(text) == Address(6, 0xFFFF << 32 | number)


@pytest.mark.parametrize(
    ("hextets", "text"),
    [
        ("1:0:0:2:0:0:0:3", "1:0:0:2::3"),
        ("1:0:0:2:0:0:3:4", "1::2:0:0:3:4"),
        ("0:1:0:1:0:1:0:1", "0:1:0:1:0:1:0:1"),
        ("0:0:1:1:1:1:0:0", "::1:1:1:1:0:0"),
        ("1:1:1:1:1:1:0:0", "1:1:1:1:1:1::"),
        ("ABCD:0:0:0:0:0:0:0", "abcd::"),
    ],
)
def test_the_first_longest_run_of_zeros_is_compressed(hextets, text):
    assert canonical(parse(hextets)) == text


@given(st.text(alphabet="0123456789abcdefF.:% \t/-", max_size=50))
def test_a_text_is_accepted_if_ipaddress_accepts_it(text):
    try:
        expected = ipaddress.ip_address(text.strip(" \t"))
    except ValueError:
        expected = None
    if expected is not None and "%" in text:
        expected = None  # the only difference: no zone IDs
    assert parse(text) == (expected and Address(expected.version, int(expected)))


@given(st.lists(st.one_of(numbers_4.map(ipaddress.IPv4Address), numbers_6.map(ipaddress.IPv6Address))))
def test_ipv4_sorts_before_ipv6_and_each_by_number(addresses):
    ours = sorted(Address(address.version, int(address)) for address in addresses)
    assert ours == [
        Address(address.version, int(address))
        for address in sorted(addresses, key=lambda address: (address.version, int(address)))
    ]
