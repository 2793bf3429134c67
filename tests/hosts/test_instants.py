"""Moments as users write them."""

from __future__ import annotations

import pytest

from reduction.hosts.records import milliseconds

MOMENT = 1565647204351


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("1565647204351", MOMENT),
        ("1565647204", MOMENT - 351),
        ("0000000000000", 0),
        ("2019-08-12T22:00:04.351", MOMENT),
        ("2019-08-12T22:00:04.351Z", MOMENT),
        ("2019-08-12 22:00:04.351+00:00", MOMENT),
        ("2019-08-13T00:00:04.351+02:00", MOMENT),
        ("20190812T220004.351Z", MOMENT),
        ("2019-08-12T22:00:04", MOMENT - 351),
        ("2019-08-12", MOMENT - 351 - 22 * 3_600_000 - 4000),
    ],
)
def test_a_moment_is_milliseconds_seconds_or_iso_8601(text, moment):
    assert milliseconds(text) == moment


@pytest.mark.parametrize(
    "text",
    [
        "",
        "now",
        "156564720435",
        "15656472043510",
        "-565647204351",
        "1565647204.5",
        "2019-13-12",
        "22:00",
        "١٥٦٥٦٤٧٢٠٤",
    ],
)
def test_anything_else_is_rejected_with_the_rule(text):
    with pytest.raises(ValueError, match="must be 13 digits"):
        milliseconds(text)


@pytest.mark.parametrize("text", ["2019-08-12T22:00:04.3515", "1969-12-31T23:59:59"])
def test_a_moment_that_no_line_can_have_is_rejected(text):
    with pytest.raises(ValueError, match="whole millisecond, from 1970 on"):
        milliseconds(text)
