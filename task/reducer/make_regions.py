"""Makes `regions/`, exports with everything that goes wrong in practice, and the right answer to them.

The answer does not come from reading the files back. Each row is decided first (which address, valid or
not, and why) and then written down in some spelling, so what is right is known without any CSV reader.

The same seed gives the same bytes: archives carry no time, and nothing depends on the order of a set.
"""

import argparse
import bz2
import ipaddress
import json
import random
import shutil
import struct
import zlib
from collections import Counter
from collections.abc import Callable
from pathlib import Path

REGIONS = ("Asia", "EMEA", "LATAM", "NA")
ENVIRONMENTS = ("Dev", "Prod", "Stage")
BOM = "\ufeff"

# Headers of the monitoring systems: the key is not always in front, and rates have two names.
HEADERS = (
    ("Source IP", "Count", "Events per Second"),
    ("Source IP", "Count", "Events / Second"),
    ("Count", "Source IP", "Note"),
    ("Site", "Note", " Source IP "),
    ("Source IP",),
)
NOTES = (
    "",
    "ok",
    "seen, then gone",
    'called "edge"',
    "first line\nsecond line",
    "1.2.3.4",
    "Zürich",
    "tabs\tand  spaces",
)  # fmt: skip
NOT_ADDRESSES = (
    "",
    "unknown",
    "256.1.1.1",
    "10.0.0.01",
    "10.0.0",
    "10.0.0.1.2",
    "10.0.0.0/8",
    "10.0.0.1:443",
    "167772161",
    "fe80::1%eth0",
    "2001:db8:::1",
    "[2001:db8::1]",
    "nan",
)  # fmt: skip


class Truth:
    """The right answer, as far as it has been decided."""

    def __init__(self) -> None:
        self.distinct: set[tuple[int, int, bytes]] = set()
        self.rows: Counter[str] = Counter()
        self.rejected: Counter[str] = Counter()
        self.taken: list[str] = []
        self.ignored: dict[str, str] = {}

    def valid(self, address: str, environment: str) -> None:
        """A row that counts."""
        parsed = ipaddress.ip_address(address)
        self.distinct.add((parsed.version, int(parsed), environment.encode()))
        self.rows.update(read=1, valid=1)

    def reject(self, reason: str) -> None:
        """A row that does not."""
        self.rejected[reason] += 1
        self.rows["read"] += 1

    def combined(self) -> str:
        """Combined.csv as it should be."""
        lines = ["Source IP,Environment"]
        for version, number, environment in sorted(self.distinct):
            address = (ipaddress.IPv4Address if version == 4 else ipaddress.IPv6Address)(number)
            lines.append(f"{address},{environment.decode()}")
        return "\n".join(lines) + "\n"

    def accounts(self) -> dict[str, object]:
        """What a report has to say."""
        addresses = Counter(environment.decode() for _, _, environment in sorted(self.distinct))
        return {
            "files": {
                "found": len(self.taken) + len(self.ignored),
                "taken": len(self.taken),
                "ignored": dict(sorted(self.ignored.items())),
            },
            "rows": {
                "read": self.rows["read"],
                "valid": self.rows["valid"],
                "distinct": len(self.distinct),
                "rejected": dict(sorted(self.rejected.items())),
            },
            "addresses": dict(sorted(addresses.items())),
        }


class Tree:
    """Writes the files below `folder` and tells `truth` about each."""

    def __init__(self, folder: Path, rng: random.Random):
        self.folder = folder
        self.rng = rng
        self.truth = Truth()
        # Few enough that many of them come again, in other spellings and other environments.
        self.fours = [ipaddress.IPv4Address(rng.getrandbits(32)) for _ in range(300)]
        self.sixes = [ipaddress.IPv6Address(0x20010DB8 << 96 | rng.getrandbits(40)) for _ in range(80)]

    def put(self, path: str, content: bytes) -> None:
        """The file itself."""
        target = self.folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)

    def ignored(self, path: str, reason: str, content: bytes) -> None:
        """A file of which nothing counts."""
        self.put(path, content)
        self.truth.ignored[path] = reason

    def export(
        self,
        path: str,
        rows: int,
        encode: Callable[[str], bytes] = str.encode,
        pack: Callable[[bytes], bytes] = bytes,
    ) -> None:
        """A file of which every row counts, or is rejected."""
        environment = " ".join(Path(path).stem.split(" ")[:2])
        self.put(path, pack(encode(self.text(rows, environment, self.truth))))
        self.truth.taken.append(path)

    def text(self, rows: int, environment: str, truth: Truth) -> str:
        """A whole export, in one of the ways monitoring systems write them."""
        header = self.rng.choice(HEADERS)
        end = self.rng.choice(("\n", "\n", "\r\n"))
        lines = [written(header)]
        for _ in range(rows):
            lines.append(written(self.row(header, environment, truth)))
            if self.rng.random() < 0.01:
                lines.append("")  # a blank line is not a row
        last = self.rng.choice(("", end))
        return self.rng.choice(("", BOM)) + end.join(lines) + last

    def row(self, header: tuple[str, ...], environment: str, truth: Truth) -> list[str]:
        """One row, mostly a good one."""
        fields = {"Count": str(self.rng.randrange(1000)), "Site": f"rack {self.rng.randrange(40)}"}
        row = [fields.get(name, self.rng.choice(NOTES)) for name in header]
        key = next(i for i, name in enumerate(header) if name.strip() == "Source IP")
        kind = self.rng.random()
        if kind < 0.01:
            row[key] = self.rng.choice(NOT_ADDRESSES)
            if row == [""]:
                row[key] = "none"  # alone in its row, an empty field would make a blank line
            truth.reject("not-an-address")
            return row
        row[key] = address = self.address()
        if kind < 0.02:
            truth.reject("too-many-fields")
            return [*row, "left over"]
        if kind < 0.03 and key > 0:
            truth.reject("no-key")
            return [field or "-" for field in row[:key]]
        truth.valid(address.strip(), environment)
        return row[: key + 1] if kind < 0.05 else row  # fields missing after the key do no harm

    def address(self) -> str:
        """An address in one of its spellings."""
        spelled = str(self.rng.choice(self.fours)) if self.rng.random() < 0.8 else self.six()
        return f" {spelled}\t" if self.rng.random() < 0.02 else spelled

    def six(self) -> str:
        """An IPv6 address: short, in full, in capitals, without zeros in front, or with a dotted end."""
        address = self.rng.choice(self.sixes)
        groups = address.exploded.split(":")
        last = ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
        return self.rng.choice((
            address.compressed,
            address.exploded,
            address.exploded.upper(),
            ":".join(f"{int(group, 16):x}" for group in groups),
            ":".join(groups[:6]) + f":{last}",
        ))  # fmt: skip


def written(fields: tuple[str, ...] | list[str]) -> str:
    """The fields as a CSV row without its end; newlines inside quotes stay LF."""
    return ",".join(
        '"' + field.replace('"', '""') + '"' if set(field) & set(',"\n') else field for field in fields
    )


def gzipped(content: bytes) -> bytes:
    """A gzip archive without compression, so that no version of zlib makes other bytes of it."""
    blocks = [content[start : start + 0xFFFF] for start in range(0, len(content), 0xFFFF)]
    stored = b"".join(
        struct.pack("<BHH", block is blocks[-1], len(block), len(block) ^ 0xFFFF) + block for block in blocks
    )
    head = b"\x1f\x8b\x08\x00" + bytes(4) + b"\x00\xff"  # time 0, system unknown
    return head + stored + struct.pack("<II", zlib.crc32(content), len(content))


def fill(tree: Tree, rows: int) -> None:
    """The exports of four regions, and what else lies about."""
    names = [(region, environment) for region in REGIONS for environment in ENVIRONMENTS]
    share = rows // (2 * len(names))
    for region, environment in names:
        tree.export(f"{region} {environment}.csv", share)
        tree.export(f"{region.lower()}/2026/{region} {environment} 1.csv", share)
    tree.export("asia/2026/Asia Prod 2.csv", share, pack=gzipped)
    tree.export("emea/EMEA Prod part_b.csv", share, pack=bz2.compress)
    tree.export("emea/EMEA Prod latin.csv", share, encode=lambda text: text.lstrip(BOM).encode("latin-1"))
    tree.export("na/NA Stage 2.csv", share, encode=lambda text: text.replace("\n", "\r").encode())
    tree.put("na/NA Prod empty.csv", b"")
    tree.put("na/NA Prod header.csv", b"Source IP,Count\r\n")
    tree.truth.taken += ["na/NA Prod empty.csv", "na/NA Prod header.csv"]
    fill_ignored(tree)


def fill_ignored(tree: Tree) -> None:
    """Files of which nothing may count, of every reason that can be kept in a repository."""
    good = tree.text(20, "none", Truth()).lstrip(BOM)
    tree.ignored("notes.txt", "other-type", b"Ask the site before you use LATAM of March.\n")
    tree.ignored("asia/Asia Prod 3.csv.bak", "other-type", good.encode())
    tree.ignored("asia/Asia.csv", "other-name", good.encode())
    tree.ignored("asia/Asia Prod 3 copy.csv", "other-name", good.encode())
    tree.ignored("asia/Asia  Prod.csv", "other-name", good.encode())
    tree.ignored("asia/Asia Prod 3.old.csv", "other-name", good.encode())
    tree.ignored(".Asia Prod.csv", "hidden", good.encode())
    tree.put(".cache/Asia Prod.csv", good.encode())
    tree.truth.ignored[".cache"] = "hidden"
    tree.ignored("Combined.csv", "own-result", b"Source IP,Environment\n9.9.9.9,Old Result\n")
    tree.ignored("Combined.report.json", "own-result", b"{}\n")
    tree.put(".Combined_9.csv", b"left by a run that died\n")  # a working file: not worth a word
    tree.ignored("latam/LATAM Dev hosts.csv", "no-key-column", b"Host,Port\n192.0.2.1,443\n")
    tree.ignored("latam/LATAM Dev nul.csv", "broken", b"Source IP,Note\n192.0.2.2,ok\n192.0.2.3,a\0b\n")
    tree.ignored("latam/LATAM Dev wide.csv", "broken", (BOM + good).encode("utf-16-le"))
    tree.ignored("latam/LATAM Dev wider.csv", "broken", (BOM + good).encode("utf-32-be"))
    tree.ignored("latam/LATAM Dev cut.csv", "broken", b'Source IP,Note\n192.0.2.4,ok\n192.0.2.5,"cut o')
    tree.ignored("latam/LATAM Dev torn.csv", "broken", gzipped(good.encode())[:-12])
    (tree.folder / "na" / "again").symlink_to("../asia", target_is_directory=True)
    tree.truth.ignored["na/again"] = "folder-link"


def make(into: Path, seed: int, rows: int) -> Truth:
    """Writes the tree and the answers into the folder, in place of those that were there."""
    folder = into / "regions"
    if folder.exists():
        shutil.rmtree(folder)
    tree = Tree(folder, random.Random(seed))
    fill(tree, rows)
    (into / "regions.expected.csv").write_bytes(tree.truth.combined().encode())
    accounts = json.dumps(tree.truth.accounts(), indent=2) + "\n"
    (into / "regions.expected.json").write_bytes(accounts.encode())
    return tree.truth


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n\n")[0])
    parser.add_argument("--into", type=Path, default=Path(__file__).parent, help="folder that gets regions/")
    parser.add_argument(
        "--seed", type=int, default=2026, help="another seed, other data (default: %(default)s)"
    )
    parser.add_argument("--rows", type=int, default=3600, help="rows, roughly (default: %(default)s)")
    asked = parser.parse_args()
    truth = make(asked.into, asked.seed, asked.rows)
    taken, ignored = len(truth.taken), len(truth.ignored)
    print(f"{taken} files to take, {ignored} to ignore, {len(truth.distinct)} distinct rows")


if __name__ == "__main__":
    main()
