"""Error rates of words and characters: edits per hundred units expected, counted by jiwer."""

from collections.abc import Callable, Iterable
from importlib.metadata import version

import jiwer

from toolkit.metrics.intervals import Score, percent, score_of
from toolkit.metrics.normalization import Normalizer, normalized, normalizer_of
from toolkit.metrics.rows import paired, row_statistics


def cer(
    predicted: Iterable[str],
    expected: Iterable[str],
    *,
    ignore_spacing: bool = False,
    normalize: str | Normalizer = "none",
) -> Score:
    """Character error rate: substitutions, insertions and deletions per hundred expected characters.

    The rate is taken over all rows and may exceed 100. Runs of white space count as one space, which is a character
    like any other unless `ignore_spacing` leaves spaces out. With nothing expected at all it counts 100 per insertion.
    `normalize` is that of `wer`. It is the rate for languages that put no spaces between words.

    >>> print(cer(["나는 학교에갔다"], ["나는 학교에 간다"]))
    CER 22.2 [22.2, 22.2]
    """
    normalizer = normalizer_of(normalize)
    ignore_spacing |= normalizer is not None and normalizer.splits_letters  # or its own spaces would be right letters
    separator = "" if ignore_spacing else " "

    def measure(prediction: str, reference: str) -> tuple[int, int]:
        return _edits(jiwer.process_characters, separator.join(prediction.split()), separator.join(reference.split()))

    return _error_rate("CER", paired(predicted, expected), measure, ignore_spacing, normalizer)


def wer(
    predicted: Iterable[str],
    expected: Iterable[str],
    *,
    ignore_spacing: bool = False,
    normalize: str | Normalizer = "none",
) -> Score:
    """Word error rate: substitutions, insertions and deletions per hundred expected words.

    The rate is taken over all rows and may exceed 100. Words are what white space of any kind separates. With
    nothing expected at all it counts 100 per inserted word.

    Args:
        predicted: one text per row.
        expected: the reference of each row.
        ignore_spacing: forgive words that differ from the reference in their spaces only. This is the
            space-normalised sWER of Korean speech recognition (Bang et al. 2020, KsponSpeech, section 3.2), where
            several spacings of a phrase are right.
        normalize: "none" compares the texts as they are, "whisper" as the authors of Whisper do for English; for
            other languages, or with their list of British spellings, pass what `whisper_normalizer` returns.

    >>> print(wer(["나는 학교에갔다"], ["나는 학교에 갔다"]))
    WER 66.7 [66.7, 66.7]
    >>> print(wer(["나는 학교에갔다"], ["나는 학교에 갔다"], ignore_spacing=True))
    sWER 0.00 [0.00, 0.00]
    >>> print(wer(["It's 7 p.m."], ["it is seven p m"], normalize="whisper"))
    normalised WER 0.00 [0.00, 0.00]
    """

    def measure(prediction: str, reference: str) -> tuple[int, int]:
        words = _respaced(prediction, reference) if ignore_spacing else " ".join(prediction.split())
        return _edits(jiwer.process_words, words, " ".join(reference.split()))

    name = "sWER" if ignore_spacing else "WER"
    return _error_rate(name, paired(predicted, expected), measure, ignore_spacing, normalizer_of(normalize))


def _error_rate(
    name: str,
    pairs: Iterable[tuple[str, str]],
    measure: Callable[[str, str], tuple[int, int]],
    ignore_spacing: bool,
    normalizer: Normalizer | None,
) -> Score:
    signature = f"spacing:{'ignored' if ignore_spacing else 'kept'}|jiwer:{version('jiwer')}"
    signature = f"norm:{normalizer.name}|{signature}" if normalizer else f"case:mixed|{signature}"
    name = f"normalised {name}" if normalizer else name
    statistics = row_statistics(normalized(pairs, normalizer), measure, 2)
    return score_of(name, statistics, percent, signature=signature, higher_is_better=False)


def _edits(
    process: Callable[[str, str], jiwer.WordOutput | jiwer.CharacterOutput], prediction: str, reference: str
) -> tuple[int, int]:
    """Edits that turn the reference into the prediction, and the units of the reference."""
    counts = process(reference, prediction)
    kept = counts.hits + counts.substitutions
    return counts.substitutions + counts.insertions + counts.deletions, kept + counts.deletions


def _respaced(text: str, model: str) -> str:
    """`text` with the word boundaries of `model` before each character that the two have in common.

    >>> _respaced("저는학 교에 갔어요", "저는 학교에 갔다")
    '저는 학교에 갔어요'
    """
    letters, starts = _letters(text)
    model_letters, model_starts = _letters(model)
    (alignment,) = jiwer.process_characters(model_letters, letters).alignments
    for chunk in alignment:
        if chunk.type == "equal":
            starts[chunk.hyp_start_idx : chunk.hyp_end_idx] = model_starts[chunk.ref_start_idx : chunk.ref_end_idx]
    return "".join(f" {letter}" if start else letter for letter, start in zip(letters, starts, strict=True)).strip()


def _letters(text: str) -> tuple[str, list[bool]]:
    """The characters that are not space, and for each whether a word starts there."""
    words = text.split()
    return "".join(words), [place == 0 for word in words for place in range(len(word))]
