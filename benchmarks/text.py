"""Times training and decoding of the recurrent core beside other toolkits, and writes the table `text.md`.

    python benchmarks/text.py --multi30k FOLDER          our own models and plain torch, on the raw files of task 1
    python benchmarks/text.py --peers FOLDER             the same beside JoeyNMT, OpenNMT-py, SpeechBrain and Marian

The peers' folder has one folder for each toolkit, with a `run.sh` that was told `setup` once and that measures itself
(`contenders.py`), and `data/`, the prepared sentences (`captions.py`) that then serve all. Contenders take turns, so
that a busy machine slows them alike; only ratios within one run mean anything.
"""

import argparse
import os
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import captions
from contenders import Contender, measure, own, peers
from page import Conditions, Results, write_page

TRAINING = "training"
DECODING = {
    "greedy, batch 64": (1, 64),
    "greedy, batch 1": (1, 1),
    "beam 5, batch 64": (5, 64),
    "beam 5, batch 1": (5, 1),
}


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--peers", type=Path, help="Folder of other toolkits that were set up; none: only our own.")
    parser.add_argument(
        "--multi30k", type=Path, default=os.environ.get("MULTI30K"), help="Raw files of task 1, where no peers are."
    )
    parser.add_argument("--rounds", type=int, default=3, help="How often everybody takes a turn at every job.")
    parser.add_argument("--steps", type=int, default=25, help="Optimizer steps in a turn of training.")
    parser.add_argument("--warm", type=int, default=5, help="How many of them are not counted.")
    parser.add_argument("--sentences", type=int, default=200, choices=(200, 1000), help="How many to decode in a turn.")
    parser.add_argument("--output", type=Path, default=Path(__file__).with_suffix(".md"), help="Where the table goes.")
    given = parser.parse_args()
    if not given.peers and not given.multi30k:
        parser.error("`--peers` or `--multi30k` must name a folder: the sentences come from there.")
    if given.steps - given.warm < 2 or given.warm < 1:
        parser.error(
            "`--warm` must be at least 1 and `--steps` at least 2 above it, so that there is something to time."
        )
    return given


def take_turns(contenders: Sequence[Contender], given: argparse.Namespace) -> Iterator[Results]:
    """Measures everybody at every job, one after the other; gives all results so far after each round."""
    decoding = {name: ("decode", *numbers, given.sentences) for name, numbers in DECODING.items()}
    jobs = {TRAINING: ("train", given.steps), **decoding}
    results = Results(list(jobs), {contender: [] for contender in contenders})
    for turn in range(given.rounds):
        for rounds in results.rounds.values():
            rounds.append({})
        for name, job in jobs.items():
            for contender, rounds in results.rounds.items():
                results.loads.append(os.getloadavg()[0])
                report = measure(contender, job, warm=given.warm)
                if report is not None:
                    rounds[-1][name] = report
                print(f"round {turn + 1}, {name}, {contender.name} ({contender.model}): {report}", flush=True)
        yield results


def main() -> None:
    """Measures and writes the page."""
    given = arguments()
    with tempfile.TemporaryDirectory() as made:
        data = given.peers.resolve() / "data" if given.peers else Path(made)
        if not given.peers:
            captions.prepare(given.multi30k, data)
        mine = list(own(data))
        others = list(peers(given.peers.resolve())) if given.peers else []
        for rounds, results in enumerate(take_turns(mine + others, given), 1):
            pieces = len(captions.read(data).pieces)
            conditions = Conditions(pieces, given.steps - given.warm, given.warm, given.sentences, rounds)
            given.output.write_text(write_page(results, mine, conditions), encoding="utf-8")
            print(f"{given.output} is written, with {rounds} of {given.rounds} rounds", flush=True)


if __name__ == "__main__":
    main()
