"""Which moment belongs to which token: dynamic time warping over attention maps."""

from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import Tensor
from torch.nn.functional import pad

from toolkit.adapters.audio.transcript import Segment, Word

MEDIAN_STEPS = 7
SENTENCE_ENDS = (".", "!", "?", "。", "！", "？")


def token_steps(weights: Tensor, rows: slice) -> list[int]:
    """The step in which each token begins.

    As OpenAI's Whisper does it: every head is standardised over all tokens and smoothed over time, the heads are
    averaged, and the cheapest path through the map that only moves on says when each token begins.

    Args:
        weights: (heads, T, F) attention of T tokens over the F steps that hold sound.
        rows: which of the tokens are wanted; those of the prompt only take part in standardising.

    Returns:
        As many steps as `rows` has tokens; they never fall.
    """
    weights = weights / weights.sum(-1, keepdim=True).clamp(min=1e-9)
    deviation, mean = torch.std_mean(weights, dim=1, keepdim=True, correction=0)
    smooth = median((weights - mean) / deviation.clamp(min=1e-9))
    return warp(-smooth.mean(0)[rows])


def median(values: Tensor) -> Tensor:
    """The median of seven neighbours along the last axis, reflected at its ends."""
    reach = MEDIAN_STEPS // 2
    if values.shape[-1] <= reach:
        return values
    return pad(values, (reach, reach), mode="reflect").unfold(-1, MEDIAN_STEPS, 1).median(-1).values


def warp(cost: Tensor) -> list[int]:
    """The column in which the cheapest path from corner to corner enters each row (Sakoe and Chiba, 1978).

    Cells on one diagonal do not depend on each other, so each is computed at once.

    Args:
        cost: (T, F)

    >>> warp(torch.tensor([[0.0, 0.0, 9.0, 9.0], [9.0, 9.0, 0.0, 0.0]]))
    [0, 2]
    """
    rows, columns = cost.shape
    # Cell (t, f) stands at [t + f, t + 1]: `slanted` holds the costs by diagonal, `total` the cheapest sums to them.
    slanted = cost.new_full((rows + columns - 1, rows), torch.inf)
    t, f = torch.meshgrid(torch.arange(rows), torch.arange(columns), indexing="ij")
    slanted[t + f, t] = cost
    moves = torch.empty(rows + columns - 1, rows, dtype=torch.long)
    before = last = cost.new_full((rows + 1,), torch.inf)
    for diagonal in range(rows + columns - 1):
        both = before[:-1].clone()
        if diagonal == 0:
            both[0] = 0.0
        # From the cell before in both, from the row before, from the column before.
        best = torch.stack([both, last[:-1], last[1:]]).min(0)
        moves[diagonal] = best.indices
        before, last = last, torch.cat([cost.new_full((1,), torch.inf), best.values + slanted[diagonal]])
    row, column, steps = rows - 1, columns - 1, [0] * rows
    chosen = moves.tolist()
    while True:
        steps[row] = column
        move = chosen[row + column][row]
        if row == column == 0:
            return steps
        row, column = row - (move in (0, 1)), column - (move in (0, 2))


def without_pauses(words: Sequence[Word]) -> list[Word]:
    """Takes pauses out of words: alignment gives each word the time up to the next one (as OpenAI's Whisper does).

    A word that lasts more than twice the median, which is taken as 0.7 s at most, begins late where a sentence begins,
    and ends early elsewhere. We add that words without any time begin in the pause before them, where there is one.
    """
    lengths = sorted(word.end_seconds - word.start_seconds for word in words if word.end_seconds > word.start_seconds)
    usual = min(0.7, lengths[len(lengths) // 2]) if lengths else 0.0
    longest, shown = 2 * usual, list[Word]()
    for place, word in enumerate(words):
        if word.end_seconds - word.start_seconds > longest > 0:
            opens = place == 0 or words[place - 1].text.rstrip().endswith(SENTENCE_ENDS)
            if opens and not word.text.rstrip().endswith(SENTENCE_ENDS):
                word = replace(word, start_seconds=word.end_seconds - longest)
            else:
                word = replace(word, end_seconds=word.start_seconds + longest)
        shown.append(word)
    return into_pauses(shown, usual)


def into_pauses(words: Sequence[Word], usual_seconds: float) -> list[Word]:
    """Lets words that take no time begin in the pause before them, each for the usual time at most.

    >>> words = [Word(" so", 0.0, 1.0), Word(" and", 1.6, 1.6), Word(" it", 1.6, 2.0)]
    >>> into_pauses(words, 0.5)[1]
    Word(text=' and', start_seconds=1.1, end_seconds=1.6)
    """
    spread, place = list(words), 0
    while place < len(spread):
        at, after = spread[place].start_seconds, place
        while after < len(spread) and spread[after].start_seconds == spread[after].end_seconds == at:
            after += 1
        if 0 < place < after:
            each = min(usual_seconds, (at - spread[place - 1].end_seconds) / (after - place))
            for number in range(place, after):
                start, end = at - each * (after - number), at - each * (after - number - 1)
                spread[number] = replace(spread[number], start_seconds=start, end_seconds=end)
        place = max(after, place + 1)
    return spread


def sentences(words: Sequence[Word]) -> list[Segment]:
    """Words as segments that end where a sentence or a second of silence does."""
    segments, own = [], list[Word]()
    for word, following in zip(words, [*words[1:], None], strict=True):
        own.append(word)
        ends = following is None or following.start_seconds - word.end_seconds > 1.0
        if ends or word.text.rstrip().endswith(SENTENCE_ENDS):
            text = "".join(word.text for word in own)
            segments.append(Segment(text, own[0].start_seconds, own[-1].end_seconds, tuple(own)))
            own = []
    return segments


def heads_in(listed: Sequence[Sequence[int]] | None, layers: int, heads: int) -> list[list[int]]:
    """Which heads, as (layer, head), follow the sound: those that a model lists.

    Without a list all of the upper half, as in OpenAI's Whisper; likewise where it is that of a distilled model's
    teacher, who had more layers.

    Args:
        listed: by the model.
        layers: of its decoder.
        heads: of each of them.

    >>> heads_in([[7, 0]], 2, 3)
    [[1, 0], [1, 1], [1, 2]]
    """
    if listed and max(layer for layer, _ in listed) < layers:
        return [list(head) for head in listed]
    return [[layer, head] for layer in range(layers // 2, layers) for head in range(heads)]


__all__ = ["heads_in", "into_pauses", "sentences", "token_steps", "warp", "without_pauses"]
