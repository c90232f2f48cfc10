"""What a recogniser got wrong: how many words of which kind, and which was taken for which."""

from collections import Counter
from collections.abc import Iterable, Iterator

import jiwer

from toolkit.metrics.normalization import Normalizer, normalized, normalizer_of
from toolkit.metrics.rows import paired


def edit_counts(
    predicted: Iterable[str], expected: Iterable[str], *, normalize: str | Normalizer = "none"
) -> dict[str, int]:
    """Counts the words that are right, and the edits that lead from the expected to the predicted texts.

    Substitutions, deletions and insertions over hits, substitutions and deletions are the rate of `wer`.

    Args:
        predicted: one text per row.
        expected: the reference of each row.
        normalize: as for `wer`.

    >>> edit_counts(["the cat sat on mat", "oh yes"], ["the bat sat on the mat", "yes"])
    {'hits': 5, 'substitutions': 1, 'deletions': 1, 'insertions': 1}
    """
    counts = dict.fromkeys(("hits", "substitutions", "deletions", "insertions"), 0)
    for row in _compared(predicted, expected, normalize):
        for kind in counts:
            counts[kind] += getattr(row, kind)
    return counts


def confused_words(
    predicted: Iterable[str], expected: Iterable[str], most: int = 20, *, normalize: str | Normalizer = "none"
) -> list[tuple[str, str, int]]:
    """Names the words that were most often taken for others, left out or added.

    Args:
        predicted: one text per row.
        expected: the reference of each row.
        most: how many pairs to name.
        normalize: as for `wer`.

    Returns:
        (expected word, written word, count), the most frequent first and equal ones by the alphabet; an empty
        written word was left out, an empty expected word was added

    >>> confused_words(["the cat sat", "a cat sat down"], ["the bat sat", "the bat sat"])
    [('bat', 'cat', 2), ('', 'down', 1), ('the', 'a', 1)]
    """
    if most < 1:
        raise ValueError(f"`most` must be at least 1, but is {most}. Say how many pairs of words to name.")
    counts = Counter(pair for row in _compared(predicted, expected, normalize) for pair in _mistakes(row))
    ranked = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return [(*pair, count) for pair, count in ranked[:most]]


def _compared(
    predicted: Iterable[str], expected: Iterable[str], normalize: str | Normalizer
) -> Iterator[jiwer.WordOutput]:
    """Aligns each row, word by word."""
    for prediction, reference in normalized(paired(predicted, expected), normalizer_of(normalize)):
        yield jiwer.process_words(" ".join(reference.split()), " ".join(prediction.split()))


def _mistakes(row: jiwer.WordOutput) -> Iterator[tuple[str, str]]:
    """(expected, written) of each word that is not right; the empty word where there is none."""
    (reference,), (prediction,), (alignment,) = row.references, row.hypotheses, row.alignments
    for chunk in alignment:
        if chunk.type != "equal":
            left = reference[chunk.ref_start_idx : chunk.ref_end_idx]
            right = prediction[chunk.hyp_start_idx : chunk.hyp_end_idx]
            length = max(len(left), len(right))
            yield from zip([*left, *[""] * (length - len(left))], [*right, *[""] * (length - len(right))], strict=True)
