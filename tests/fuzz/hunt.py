"""Search every reader for harm, and print what came of it as a table.   python -m tests.fuzz.hunt --seconds 60

Exit code 1 where an input crashed, hung, strayed, took too much memory or raised what is no sentence; these inputs are
kept in the folder that `--keep` names.
"""

import argparse
import os
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

os.environ |= {"HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1", "TOKENIZERS_PARALLELISM": "false"}

from tests.fuzz.keeper import GOOD, Keeper, Verdict
from tests.fuzz.readers import READERS
from tests.fuzz.search import search

ROUND = 50  # inputs between two looks at the clock
NAMES = ("reader", "inputs", "read", "told", "crashes", "hangs", "other", "peak MB", "longest s")


class Tally:
    """What became of the inputs of one reader."""

    def __init__(self, name: str, keep: Path | None) -> None:
        self.name, self.keep = name, keep
        self.outcomes: Counter[str] = Counter()
        self.megabytes = self.seconds = 0.0

    def see(self, content: bytes, verdict: Verdict) -> None:
        """Counts one input, and keeps it where it did harm."""
        self.outcomes[verdict.outcome] += 1
        self.megabytes = max(self.megabytes, verdict.megabytes)
        self.seconds = max(self.seconds, verdict.seconds)
        if verdict.outcome not in GOOD:
            print(f"{self.name}: {verdict.outcome}\n{verdict.told}", file=sys.stderr)
            if self.keep is not None:
                name = f"{self.name.replace('/', '_')}.{verdict.outcome}.{self.outcomes[verdict.outcome]}"
                (self.keep / name).write_bytes(content)

    @property
    def harm(self) -> int:
        """How many inputs cost more than sentences."""
        return self.outcomes.total() - sum(self.outcomes[outcome] for outcome in GOOD)

    def __str__(self) -> str:
        read, told, crashes, hangs = (self.outcomes[outcome] for outcome in (*GOOD, "crash", "hang"))
        counts = (
            f"{self.outcomes.total():,} | {read:,} | {told:,} | {crashes} | {hangs} | {self.harm - crashes - hangs}"
        )
        return f"| `{self.name}` | {counts} | {self.megabytes:.0f} | {self.seconds:.1f} |"


def main() -> None:
    """Reads the command line and searches."""
    parser = argparse.ArgumentParser(description="Search every reader of files for harm.")
    parser.add_argument("--seconds", type=float, default=60.0, help="for each reader")
    parser.add_argument("--seed", type=int, default=1, help="other numbers try other inputs")
    parser.add_argument("--readers", nargs="*", help="names or families; none: all")
    parser.add_argument("--keep", type=Path, help="folder for harmful inputs")
    asked = parser.parse_args()
    wanted = [
        name for name, reader in READERS.items() if not asked.readers or {name, reader.family} & set(asked.readers)
    ]
    if asked.keep is not None:
        asked.keep.mkdir(parents=True, exist_ok=True)
    harm = 0
    with tempfile.TemporaryDirectory() as room:
        keeper = Keeper(Path(room))
        print(f"| {' | '.join(NAMES)} |\n{'|---' * len(NAMES)}|", flush=True)
        for name in wanted:
            tally, end, seed = Tally(name, asked.keep), time.monotonic() + asked.seconds, asked.seed
            while time.monotonic() < end:
                search(keeper, name, examples=ROUND, seed=seed, seen=tally.see)
                seed += 1
            print(tally, flush=True)
            harm += tally.harm
        keeper.close()
    sys.exit(1 if harm else 0)


if __name__ == "__main__":
    main()
