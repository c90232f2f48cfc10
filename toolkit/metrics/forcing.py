"""What a model loses when it reads its own words instead of the right ones: token accuracy with and without forcing."""

from array import array
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from toolkit.metrics.intervals import Score, mean_score, percent, score_of

_COLUMNS = 6  # length, right when forced, right when free, first error, and both right counts after it


@dataclass
class ForcingCounts:
    """Compares teacher-forced and free-running tokens with the reference, row by row.

    A model trained on right prefixes never sees its own mistakes, so one wrong token can spoil the rest (exposure
    bias: Bengio et al. 2015, section 2.4; Ranzato et al. 2016, section 1). All positions are those of the reference,
    `<eos>` included, and a position is right if the token there is the reference's. An output that ended early is
    wrong from there on; what is written beyond the reference is not counted, for it has cost the `<eos>` already.
    Comparing position by position is strict: a word too many makes all later positions wrong, however good they read.

    Memory holds six small integers a row, whatever its length.

    >>> counts = ForcingCounts()
    >>> counts.add([5, 6, 7, 2], teacher_forced_ids=[5, 9, 7, 2], free_running_ids=[5, 9, 9, 2])
    >>> for score in counts.scores().values():
    ...     print(f"{score.name} {score.value:.1f}")
    teacher_forced_accuracy 75.0
    free_running_accuracy 50.0
    exposure_gap 25.0
    share_before_first_error 25.0
    teacher_forced_accuracy_after_first_error 100.0
    free_running_accuracy_after_first_error 50.0
    """

    _rows: "array[int]" = field(init=False, default_factory=lambda: array("i"), repr=False)

    def __len__(self) -> int:
        """How many rows were added."""
        return len(self._rows) // _COLUMNS

    def add(
        self, reference_ids: Sequence[int], teacher_forced_ids: Sequence[int], free_running_ids: Sequence[int]
    ) -> None:
        """Counts one row.

        Args:
            reference_ids: the right tokens up to and with `<eos>`, without padding; at least one.
            teacher_forced_ids: the likeliest token at each of these positions, given the right ones before it.
            free_running_ids: what the model wrote by itself, of any length, also empty.
        """
        length = len(reference_ids)
        if not length or min(reference_ids) < 0:
            raise ValueError(
                "`reference_ids` must hold at least one token and no negative ones, "
                f"but is {_shortened(reference_ids)}. Cut off the padding (-100) and keep <eos>."
            )
        if len(teacher_forced_ids) != length:
            raise ValueError(
                f"`teacher_forced_ids` must be as long as `reference_ids` ({length}), but has "
                f"{len(teacher_forced_ids)} tokens. Cut both to the positions before the padding."
            )
        forced = [token == right for token, right in zip(teacher_forced_ids, reference_ids, strict=True)]
        free = [token == right for token, right in zip(free_running_ids, reference_ids, strict=False)]
        free += [False] * (length - len(free))
        first_error = free.index(False) if False in free else length
        self._rows.extend(
            (length, sum(forced), sum(free), first_error, sum(forced[first_error + 1 :]), sum(free[first_error + 1 :]))
        )

    def scores(self) -> dict[str, Score]:
        """The diagnostics of all rows so far, in per cent, with intervals over rows.

        - `teacher_forced_accuracy`, `free_running_accuracy`: right positions per hundred, over all rows.
        - `exposure_gap`: the first minus the second, in points. Rows are resampled as pairs, so its interval is
          narrower than the two accuracies suggest.
        - `share_before_first_error`: how much of its reference a row writes before its first wrong token, averaged
          over rows. 100 for a row without error, 0 for an empty output.
        - `teacher_forced_accuracy_after_first_error`, `free_running_accuracy_after_first_error`: both on the positions
          after the first free-running error of each row: what one mistake costs. Rows without error, or with their
          first one at the last position, have no such positions and take no part; `count` says how many do.

        A score that no row defines is left out: the last two where no error is followed by anything, all of them
        where no row was added.
        """
        if not self._rows:
            return {}
        length, forced, free, first_error, forced_after, free_after = (
            np.array(self._rows, dtype=np.int32).reshape(-1, _COLUMNS).T
        )
        scores = [
            score_of("teacher_forced_accuracy", np.stack([forced, length], 1), percent),
            score_of("free_running_accuracy", np.stack([free, length], 1), percent),
            score_of("exposure_gap", np.stack([forced - free, length], 1), percent, higher_is_better=False),
            mean_score(100 * first_error / length, name="share_before_first_error"),
        ]
        after = length - first_error - 1
        follows = after > 0
        for name, right in (("teacher_forced", forced_after), ("free_running", free_after)):
            if follows.any():
                statistics = np.stack([right, after], 1)[follows]
                scores.append(score_of(f"{name}_accuracy_after_first_error", statistics, percent))
        return {score.name: score for score in scores}


def _shortened(ids: Sequence[int]) -> str:
    return f"{list(ids[:8])}{' …' if len(ids) > 8 else ''}"
