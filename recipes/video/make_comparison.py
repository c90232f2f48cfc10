"""Set what several models say about the same videos under each other, on one page.

    python recipes/video/make_comparison.py validation.csv lips=runs/grid_words events=runs/grid_events \
        sound=runs/grid_sound --background sil --output comparison.html

The runs may label frames, write events or write what is said: all of them give labels or words with times, and these
are scored alike. The table has the columns file,start,end,label, as for training.
"""

import argparse
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from toolkit import pipeline
from toolkit.data import BadData, Fault, parse_seconds
from toolkit.data.files import open_source
from toolkit.demo.serving import task_of
from toolkit.metrics import frame_accuracy, wer
from toolkit.report import Section, score_table, timeline, write_page

FRAMES_PER_SECOND = 25
SPEECH = "automatic-speech-recognition"
TASKS = ("video-event-detection", SPEECH)
Event = tuple[str, float, float]


def read_truth(table: str) -> dict[Path, list[Event]]:
    """What happens in each video, the background too, in the order of time."""
    truth: dict[Path, list[Event]] = {}
    for row in open_source(table, ("file", "label", "start", "end"), media="file"):
        if isinstance(row, Fault):
            raise BadData([row])
        try:
            start, end = (parse_seconds(row[name], name) for name in ("start", "end"))
        except ValueError as error:
            raise BadData([Fault(table, row["line"], str(error))]) from error
        truth.setdefault(Path(row["file"]), []).append((row["label"], start, end))
    return {video: sorted(events, key=lambda event: event[1:]) for video, events in truth.items()}


def listen_or_watch(run: Path, videos: Iterable[Path]) -> list[list[Event]]:
    """What a run says about each video, by the task that it was trained for."""
    task = task_of(run)
    if task not in TASKS:
        raise ValueError(f"`runs` must be for one of {', '.join(TASKS)}, but {run} is for {task}. Leave it out.")
    serve = pipeline(task, str(run))
    if task == SPEECH:
        answers = [serve(str(video), return_timestamps="word", vad=False) for video in videos]
        return [[(one["text"].strip(), *one["timestamp"]) for one in answer["chunks"]] for answer in answers]
    found = [[(one["label"], one["start"], one["end"]) for one in serve(str(video))["events"]] for video in videos]
    return [sorted(events, key=lambda event: event[1:]) for events in found]


def without(background: str, events: Iterable[Event]) -> list[Event]:
    """What happens while something does."""
    return [event for event in events if event[0] != background]


def frames(events: Sequence[Event], seconds: float, background: str) -> list[str]:
    """One label for each frame of a video; where two events overlap, the later one."""
    labels = [background] * round(seconds * FRAMES_PER_SECOND)
    for label, start, end in events:
        first, last = round(start * FRAMES_PER_SECOND), round(end * FRAMES_PER_SECOND)
        labels[first:last] = [label] * (min(last, len(labels)) - min(first, len(labels)))
    return labels


def scores(name: str, said: list[list[Event]], truth: Mapping[Path, list[Event]], background: str) -> list[dict]:
    """Words in their order, and labels in their frames."""
    words = [
        [" ".join(label for label, *_ in without(background, events)) for events in side]
        for side in (said, truth.values())
    ]
    ends = [max(end for _, _, end in events) for events in truth.values()]
    placed = [
        [frames(events, end, background) for events, end in zip(side, ends, strict=True)]
        for side in (said, truth.values())
    ]
    return [
        {"name": f"{name}: {what}", "value": score.value, "low": score.low, "high": score.high}
        for what, score in (("word error rate", wer(*words)), ("frames right", frame_accuracy(*placed)))
    ]


def main() -> None:
    """Reads the command line; what is wrong with a file is told in a line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("table", help="What happens in the videos: file,start,end,label.")
    parser.add_argument("runs", nargs="+", metavar="NAME=FOLDER", help="Run folders, with the names they get here.")
    parser.add_argument("--background", default="background", help="The label that means: nothing.")
    parser.add_argument("--shown", type=int, default=12, help="How many videos are drawn; all are scored.")
    parser.add_argument("--output", type=Path, default=Path("comparison.html"), help="Where the page goes.")
    given = parser.parse_args()
    try:
        compare(given)
    except (ValueError, OSError) as error:
        print(error, file=sys.stderr)
        raise SystemExit(1) from error


def compare(given: argparse.Namespace) -> None:
    """Asks every run about every video and writes the page."""
    truth = read_truth(given.table)
    runs = {name: Path(folder) for name, folder in (run.split("=", 1) for run in given.runs)}
    said = {name: listen_or_watch(run, truth) for name, run in runs.items()}
    rows = [row for name, found in said.items() for row in scores(name, found, truth, given.background)]
    drawn = "".join(
        timeline(
            without(given.background, events),
            {name: without(given.background, found[place]) for name, found in said.items()},
            seconds=max(end for found in (events, *(said[name][place] for name in said)) for _, _, end in found),
            video=video.read_bytes(),
            caption=video.name,
        )
        for place, (video, events) in list(enumerate(truth.items()))[: given.shown]
    )
    note = f"{len(truth)} videos, {sum(map(len, truth.values()))} labels. Intervals: 95 %, videos drawn again."
    sections = [Section("Scores", score_table(rows), note=note), Section("Side by side", drawn)]
    write_page(given.output, Path(given.table).stem, sections, subtitle=", ".join(runs))
    for row in rows:
        print(f"{row['name']} {row['value']:.1f} [{row['low']:.1f}, {row['high']:.1f}]")
    print(given.output.resolve())


if __name__ == "__main__":
    main()
