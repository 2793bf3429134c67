"""Makes `connections.txt`, a day of connections in which the whole story of one host is known.

Every connection happens at its own time and is written down a little later, so the log is only roughly in
order. The lines of the known host are given; no other line names it.

The same seed gives the same bytes.
"""

import argparse
import random
from collections import Counter
from pathlib import Path

FIRST, LAST = 1565647204351, 1565733598341  # Unix time in ms
LATEST = 300_000  # ms between a connection and its line
HOSTS = 7000
MOST_OUTGOING = 7  # of anybody else: the known host has eight

KNOWN = (
    (1565647204351, "Aadvik", "Matina"),
    (1565647247170, "Khiem", "Aadvik"),
    (1565647256008, "Aadvik", "Jadon"),
    (1565647300338, "Aadvik", "Nafeesa"),
    (1565647445018, "Aadvik", "Averyanna"),
    (1565665235199, "Aadvik", "Zinn"),
    (1565687494394, "Aadvik", "Manit"),
    (1565719987376, "Aadvik", "Athanasios"),
    (1565733577420, "Aadvik", "Giordana"),
)
BEGINNINGS = (
    "A", "Ab", "Al", "An", "Ay", "Be", "Bri", "Ca", "Cal", "Da", "De", "Do", "E", "El", "Em", "Fa", "Fer",
    "Ga", "Gre", "Ha", "Hen", "I", "Is", "Ja", "Jo", "Ka", "Kei", "La", "Le", "Lo", "Ma", "Mar", "Mi", "Na",
    "Ne", "O", "Pa", "Que", "Ra", "Ro", "Sa", "Sha", "Ta", "Ti", "U", "Va", "Vi", "Wil", "Ya", "Za",
)  # fmt: skip
MIDDLES = ("", "be", "di", "han", "ki", "la", "li", "ma", "mi", "na", "ra", "ri", "sa", "ve", "yan", "zi")
ENDINGS = (
    "a", "ah", "an", "ana", "den", "dra", "el", "elle", "en", "es", "ia", "ie", "in", "iya", "lyn", "na",
    "nie", "on", "ra", "rick", "ron", "sha", "son", "ta", "tha", "ton", "us", "vin", "yah", "ya",
)  # fmt: skip

Connection = tuple[int, str, str]


def names(rng: random.Random) -> list[str]:
    """Distinct names for everybody else, those that the known host meets among them."""
    met = sorted({name for _, *hosts in KNOWN for name in hosts} - {"Aadvik"})
    made = [a + b + c for a in BEGINNINGS for b in MIDDLES for c in ENDINGS]
    others = sorted(set(made) - {"Aadvik", *met})
    return met + rng.sample(others, HOSTS - 1 - len(met))


def connections(rng: random.Random, count: int) -> list[Connection]:
    """Connections of the others, each of whom takes part in one at least."""
    hosts = names(rng)
    rng.shuffle(hosts)
    outgoing: Counter[str] = Counter()
    made = []
    while len(made) < count:
        source = hosts[len(made)] if len(made) < HOSTS - 1 else rng.choice(hosts)
        target = rng.choice(hosts)
        if source == target or outgoing[source] == MOST_OUTGOING:
            continue
        outgoing[source] += 1
        made.append((rng.randrange(FIRST + 1, LAST), source, target))
    made[-1] = (LAST, *made[-1][1:])
    return made


def late(rng: random.Random) -> int:
    """How many ms pass until a connection is written down: mostly next to none, now and then minutes."""
    return min(int(rng.expovariate(1 / 40_000)), LATEST) if rng.random() < 0.2 else rng.randrange(50)


def make(path: Path, seed: int, lines: int) -> None:
    """Writes the log."""
    rng = random.Random(seed)
    written = [(time, (time, source, target)) for time, source, target in KNOWN]
    others = connections(rng, lines - len(KNOWN))
    written += [(connection[0] + late(rng), connection) for connection in others]
    written.sort()
    text = "".join(f"{time} {source} {target}\n" for _, (time, source, target) in written)
    path.write_bytes(text.encode())


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n\n")[0])
    parser.add_argument(
        "--into", type=Path, default=Path(__file__).parent / "connections.txt", help="the file"
    )
    parser.add_argument(
        "--seed", type=int, default=2019, help="another seed, another day (default: %(default)s)"
    )
    parser.add_argument("--lines", type=int, default=10_000, help="(default: %(default)s)")
    asked = parser.parse_args()
    make(asked.into, asked.seed, asked.lines)


if __name__ == "__main__":
    main()
