"""What an address is, and how it is written."""

import ipaddress

from workdir import KEY, each_engine

ADDRESSES = {
    "0.0.0.0": "0.0.0.0",
    "255.255.255.255": "255.255.255.255",
    " 1.1.1.1": "1.1.1.1",
    "\t2.2.2.2 \t": "2.2.2.2",
    "  2001:DB8::5 ": "2001:db8::5",
    "::": "::",
    "0:0:0:0:0:0:0:0": "::",
    "::1": "::1",
    "2001:DB8::1": "2001:db8::1",
    "2001:0db8:0000:0000:0000:0000:0000:0001": "2001:db8::1",
    "2001:db8:0:0::1": "2001:db8::1",
    "1:0:0:2:0:0:0:3": "1:0:0:2::3",
    "1:0:0:2:3:0:0:4": "1::2:3:0:0:4",
    "1:2:3:0:5:6:7:8": "1:2:3:0:5:6:7:8",
    "1:2:3::5:6:7:8": "1:2:3:0:5:6:7:8",
    "::2:3:4:5:6:7:8": "0:2:3:4:5:6:7:8",
    "1:2:3:4:5:6:7::": "1:2:3:4:5:6:7:0",
    "64:ff9b::192.0.2.33": "64:ff9b::c000:221",
    "1:2:3:4:5:6:1.2.3.4": "1:2:3:4:5:6:102:304",
    "::1.2.3.4": "::102:304",
    "::ffff:1.2.3.4": "::ffff:102:304",  # whatever a later Python's str makes of it: one input, one result
    "FFFF:FFFF:FFFF:FFFF:FFFF:FFFF:FFFF:FFFF": "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
}


@each_engine
def test_every_spelling_of_an_address_becomes_one_key(workdir, engine):
    workdir.csv("Asia Prod.csv", KEY, *ADDRESSES)
    outcome = workdir.reduce("--inline", engine=engine)
    assert outcome.rejected == {}
    keys = {ipaddress.ip_address(address): address for address in ADDRESSES.values()}
    assert outcome.addresses == [keys[key] for key in sorted(keys, key=lambda key: (key.version, int(key)))]


NOT_ADDRESSES = (
    """
    x|1.1.1|1.1.1.1.1|1.1.1.|.1.1.1|1..1.1|256.1.1.1|1.1.1.256|01.1.1.1|1.1.1.00|1.1.1.0001|-1.1.1.1|+1.1.1.1
    |1.1.1.1/32|1.1.1.1:80|1.1.1.1x|x1.1.1.1|1. 1.1.1|1.1.1.1 2.2.2.2|1.1.1.1;2.2.2.2|0x1.1.1.1
    |16843009|0x01010101
    |1.1|1.5|1e3|True|nan|NA|-|localhost|example.org|:|:::|1:2|1:2:3:4:5:6:7|1:2:3:4:5:6:7:8:9|1:2:3:4:5:6:7:8::
    |1::2::3|12345::|g::|::1/128|[::1]|fe80::1%eth0|fe80::1%|::1.2.3|::256.1.1.1|::01.1.1.1|1.1.1.1::|:1::|::1:
    |1:2:3:4:5:6:7:1.1.1.1|\u0661.1.1.1|\uff11.1.1.1|::\uff11
    |1.1.1.1\u00a0|\u20031.1.1.1|\x0b1.1.1.1|1.1.1.1\x0c|\u200b1.1.1.1
    |'1.1.1.1'|2026-01-01|12:30|12:30:59
""".replace("\n    ", "")
    .strip("\n")
    .split("|")
)
NOT_ADDRESSES += [
    '""',
    '"1.1.1.1\n"',
    '"1.1.1.1\r"',
    '"\r\n1.1.1.1"',
    '"1.1.1.1,"',
    '"""1.1.1.1"""',
    '" "',
    '"\t"',
]


@each_engine
def test_everything_else_is_not_an_address(workdir, engine):
    workdir.csv("Asia Prod.csv", KEY, *NOT_ADDRESSES)
    outcome = workdir.reduce("--inline", engine=engine)
    assert outcome.exit_code == 0
    assert outcome.combined is None
    assert outcome.rejected == {"not-an-address": len(NOT_ADDRESSES)}


def test_a_v4_address_and_the_same_inside_v6_are_two_keys(workdir):
    workdir.csv("Asia Prod.csv", KEY, "::1.2.3.4", "1.2.3.4", "::ffff:1.2.3.4")
    outcome = workdir.reduce()
    assert outcome.addresses[:2] == ["1.2.3.4", "::102:304"]
    assert outcome.report["rows"]["distinct"] == 3
