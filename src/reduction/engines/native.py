"""The engine on the compiled kernel: the same rules as the others, close to the speed of reading the bytes.

This module only translates: paths and books between Python and `reduction._kernel`. What is decided about
bytes is decided in `native/`.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Sequence
from pathlib import Path

from reduction import _kernel
from reduction.accounting import EXAMPLES_A_FILE, Accounting
from reduction.engines.contract import Limits, Output, Reduced
from reduction.engines.native_files import Files
from reduction.inputs import Unit
from reduction.partials import Manifest, damaged, endings, partial_path
from reduction.progress import Progress
from reduction.rows import CUT_HEADER, RESULT_HEADER


class NativeEngine:
    """See `contract.Engine` for what its methods promise."""

    name = "native"
    cuts_files = True

    def __init__(self, instruction_set: str = "") -> None:
        """Take the best instruction set of this processor, or the named one."""
        self._instruction_set = instruction_set

    def reduce(
        self, tree: str, units: Sequence[Unit], limits: Limits, output: Output, progress: Progress
    ) -> Reduced:
        """Hold 4 bytes for each distinct IPv4 address, 16 for IPv6, up to thrice that while compacting."""
        share = _kernel.Share(limits.compact_at_rows, EXAMPLES_A_FILE, self._instruction_set)
        books = Accounting()
        pieces = Files(share, tree, units, progress).read(books)
        output.write(CUT_HEADER if pieces else RESULT_HEADER)
        rows = share.write(output.write)
        return Reduced(
            books,
            {name: count for name, cut_file, count in rows if cut_file == _kernel.NOT_CUT},
            {cut_file: count for _, cut_file, count in rows if cut_file != _kernel.NOT_CUT},
            pieces,
        )

    def merge(
        self, directory: Path, manifests: Sequence[Manifest], output: Output, dropped: Collection[int]
    ) -> dict[str, int]:
        """Hold a quarter of a megabyte of each partial."""
        parts = [
            (os.fsencode(partial_path(directory, manifest.runner)), manifest.bytes, int(manifest.crc32, 16))
            for manifest in manifests
        ]
        output.write(RESULT_HEADER)
        try:
            return _kernel.merge(parts, endings(manifests, dropped), output.write)
        except _kernel.DamagedPartial as fault:
            index, what = fault.args
            raise damaged(manifests[index], what) from fault


ENGINE = NativeEngine()
