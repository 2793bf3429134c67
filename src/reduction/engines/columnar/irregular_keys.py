"""Keys that are not plain dotted quads: quoted twice over, IPv6, blanks round them, or no address at all.

Equal texts are found with pandas and each is parsed once, so their cost does not grow with the rows.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from reduction.engines.columnar.address_set import Ipv4Array, Ipv6Frame
from reduction.engines.columnar.ipv4 import WINDOW, Mask, windows
from reduction.engines.columnar.tokenizer import Bytes, Positions, RowBlock
from reduction.pipeline.ip_address import Address, parse

_LOW_64 = (1 << 64) - 1


@dataclass(frozen=True)
class IrregularKeys:
    """What odd keys are: distinct IPv4 numbers and IPv6 pairs, and which of the keys are addresses."""

    ipv4: Ipv4Array
    pairs: Ipv6Frame
    are_addresses: Mask


def field_value(raw: str) -> str:
    """Return the value of a field from its raw text, as `csv` reads it."""
    return next(csv.reader([raw]), [""])[0] if '"' in raw else raw


def parse_irregular(block: RowBlock, starts: Positions, ends: Positions) -> IrregularKeys:
    """Parse the raw fields at `starts` to `ends` (exclusive) of the block."""
    spelling, first_of_spelling = unique_texts(block.data, starts, ends)
    found = [
        parse(field_value(block.text(start, end)))
        for start, end in zip(
            starts[first_of_spelling].tolist(), ends[first_of_spelling].tolist(), strict=True
        )
    ]
    six = sorted(_numbers_of_version(found, 6))
    return IrregularKeys(
        ipv4=np.array(sorted(_numbers_of_version(found, 4)), np.uint32),
        pairs=pd.DataFrame(
            {
                "high": np.array([number >> 64 for number in six], np.uint64),
                "low": np.array([number & _LOW_64 for number in six], np.uint64),
            }
        ),
        are_addresses=np.array([address is not None for address in found], np.bool_)[spelling],
    )


def _numbers_of_version(found: list[Address | None], version: int) -> set[int]:
    return {address.number for address in found if address and address.version == version}


def unique_texts(
    data: Bytes, starts: Positions, ends: Positions
) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]:
    """Number the distinct texts: returns the number of each text, and a text's index for each number."""
    lengths = ends - starts
    short = np.flatnonzero(lengths <= WINDOW)
    long = np.flatnonzero(lengths > WINDOW)  # each counts as a spelling of its own
    width = max(8, -(-int(lengths[short].max(initial=0)) // 8) * 8)
    texts = windows(data, starts[short], width)
    texts[np.arange(width) >= lengths[short][:, None]] = 0  # there are no zero bytes in a text
    words = pd.DataFrame(texts.view(np.uint64))
    number = words.groupby(list(words.columns), sort=False).ngroup().to_numpy()
    first_short = np.flatnonzero(~words.duplicated().to_numpy())
    spelling = np.empty(len(starts), np.intp)
    spelling[short] = number
    spelling[long] = len(first_short) + np.arange(len(long))
    return spelling, np.concatenate([short[first_short], long])
