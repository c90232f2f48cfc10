"""What a classifier answers to clips, beside what should come out, as scores and in the report.

An answer, predicted or expected, is JSON in a text: `labels`, probabilities by name, the likeliest first. An expected
one also has the `file`, and `start` and `end` of the clip in seconds. A clip of several windows has an answer to each,
one after the other; their mean is what counts.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from heapq import nsmallest
from itertools import groupby
from operator import itemgetter
from typing import Any

from toolkit import metrics
from toolkit.adapters.video.scoring import parsed
from toolkit.metrics import Score
from toolkit.report import Section, class_counts, confusion_matrix, worst_cases

SCORES: dict[str, Callable[..., Score]] = {"accuracy": metrics.accuracy, "macro_f1": metrics.macro_f1}
"""By the names of flags."""
WORST = 20


@dataclass(frozen=True)
class Judged:
    """One clip.

    Args:
        file: the video that it is a part of, or all of.
        due: its label.
        probabilities: of labels, the mean over its windows.
    """

    file: str
    due: str
    probabilities: Mapping[str, float]

    @property
    def label(self) -> str:
        """The likeliest label; nothing, where there is no answer."""
        return max(self.probabilities, key=self.probabilities.__getitem__, default="")


def judged(predicted: Iterable[str], expected: Iterable[str]) -> Iterator[Judged]:
    """The clips, each from the answers to its windows.

    >>> due = '{"labels": {"cut": 1.0}, "file": "a.mp4"}'
    >>> list(judged(['{"labels": {"cut": 0.4, "stir": 0.6}}', '{"labels": {"cut": 0.9, "stir": 0.1}}'], [due, due]))
    [Judged(file='a.mp4', due='cut', probabilities={'cut': 0.65, 'stir': 0.35})]
    """
    for reference, pairs in groupby(zip(predicted, expected, strict=True), key=itemgetter(1)):
        answers = [_labels(prediction) for prediction, _ in pairs]
        names = dict.fromkeys(name for answer in answers for name in answer)
        means = {name: sum(answer.get(name, 0.0) for answer in answers) / len(answers) for name in names}
        yield Judged(parsed(reference).get("file", ""), next(iter(_labels(reference)), ""), means)


def scores(predicted: Iterable[str], expected: Iterable[str], only: str | None) -> dict[str, Score]:
    """Over clips; intervals over videos."""
    videos: dict[str, list[Judged]] = {}
    for clip in judged(predicted, expected):
        videos.setdefault(clip.file, []).append(clip)
    given, due = ([[getattr(clip, side) for clip in clips] for clips in videos.values()] for side in ("label", "due"))
    return {name: SCORES[name](given, due) for name in (SCORES if only is None else (only,))}


def sections(records: Iterable[Mapping[str, Any]], counts: Mapping[str, int]) -> Iterator[Section]:
    """What was taken for what, the clips that were most surely taken for something else, and the training labels.

    Args:
        records: with `prediction` and `reference`, the windows of one clip one after the other.
        counts: training clips by label.
    """
    labelled = [record for record in records if record["reference"] is not None]
    if labelled:
        clips = list(judged(*([record[side] for record in labelled] for side in ("prediction", "reference"))))
        table = metrics.confusion([[clip.label for clip in clips]], [[clip.due for clip in clips]])
        figure = confusion_matrix(table.labels, table.matrix.tolist())
        yield Section("What was taken for what", figure, note="Counted in clips.")
        lines = [next(rows)["line"] for _, rows in groupby(labelled, key=itemgetter("reference"))]
        wrong = ((clip, line) for clip, line in zip(clips, lines, strict=True) if clip.label != clip.due)
        cases = [
            {
                "line": line,
                "clip": clip.file,
                "prediction": clip.label,
                "reference": clip.due,
                "probability": round(100 * clip.probabilities.get(clip.due, 0.0), 1),
            }
            for clip, line in nsmallest(WORST, wrong, key=lambda case: case[0].probabilities.get(case[0].due, 0.0))
        ]
        note = "The mistakes whose right label was least likely, and how likely it was, per hundred."
        yield Section("The worst clips", worst_cases(cases, columns=list(cases[0]) if cases else []), note=note)
    if counts:
        yield Section("How often each label is seen", class_counts(counts), note="Training clips.")


def _labels(answer: str) -> Mapping[str, float]:
    return parsed(answer).get("labels") or {}


__all__ = ["SCORES", "Judged", "judged", "scores", "sections"]
