"""Tokenizers learnt from the user's own sentences, by the library `tokenizers`."""

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
from transformers import AutoTokenizer, PreTrainedTokenizerFast

from toolkit.adapters.pretrained import first_line

TOKENIZER_KINDS = ("bpe", "unigram", "word", "char")
SPECIAL_TOKENS = {"unk_token": "<unk>", "bos_token": "<sos>", "eos_token": "<eos>", "pad_token": "<pad>"}
"""In the order of their ids; `<pad>` is not 0, since beam search reads `pad_token_id or eos_token_id`."""


def train_tokenizer(texts: Iterable[str], *, kind: str = "bpe", vocab_size: int = 8000) -> PreTrainedTokenizerFast:
    """Learns a vocabulary from texts; decoding gives the text back, apart from runs of spaces and unknown characters.

    The same texts give the same vocabulary, in every process.

    Args:
        texts: read twice, so no iterator.
        kind: "bpe" (Sennrich et al., 2016), "unigram" (Kudo, 2018), "word" (split at spaces and punctuation) or "char".
        vocab_size: the most tokens to keep, the four special ones included. With less data there are fewer.

    Returns:
        A tokenizer that ends every text with `<eos>` and pads on the right.

    >>> tokenizer = train_tokenizer(["a dog runs", "a dog sleeps"], kind="word")
    >>> tokenizer.tokenize("a dog flies")
    ['▁a', '▁dog', '<unk>']
    >>> tokenizer.decode(tokenizer("a dog sleeps").input_ids, skip_special_tokens=True)
    'a dog sleeps'
    """
    if kind not in TOKENIZER_KINDS:
        raise ValueError(f"`tokenizer` must be one of {', '.join(TOKENIZER_KINDS)}, but is {kind!r}.")
    if vocab_size <= len(SPECIAL_TOKENS):
        raise ValueError(f"`vocab_size` must be above {len(SPECIAL_TOKENS)}, the special tokens, but is {vocab_size}.")
    tokenizer = Tokenizer(_untrained(kind))
    tokenizer.normalizer = normalizers.Sequence([normalizers.NFC(), normalizers.Replace("\u00a0", " ")])
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(_splits(kind))
    tokenizer.decoder = decoders.Metaspace()
    signs = _signs(texts, tokenizer.normalizer) if kind in ("bpe", "unigram") else []
    if kind == "unigram" and vocab_size <= len(signs) + len(SPECIAL_TOKENS):
        raise ValueError(
            f"`vocab_size` must be above {len(signs) + len(SPECIAL_TOKENS)} for unigram, which keeps every character, "
            f"but is {vocab_size}. Raise it, or choose another kind of `tokenizer`."
        )
    tokenizer.train_from_iterator(texts, _trainer(kind, vocab_size, signs))
    if kind == "unigram":
        tokenizer.model = _in_order(tokenizer)
    eos = SPECIAL_TOKENS["eos_token"]
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"$A {eos}", special_tokens=[(eos, tokenizer.token_to_id(eos))]
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        model_input_names=["input_ids", "attention_mask"],
        clean_up_tokenization_spaces=False,
        split_special_tokens=True,  # `<eos>` in a text is text
        **SPECIAL_TOKENS,
    )


def lowercasing(tokenizer: PreTrainedTokenizerFast) -> PreTrainedTokenizerFast:
    """Gives a tokenizer with the same vocabulary that drops case on the way in."""
    if not tokenizer.is_fast:
        raise ValueError(
            f"`lowercase_source` needs a fast tokenizer, but {type(tokenizer).__name__} is none. "
            "Leave the flag away, or lowercase the file."
        )
    backend = Tokenizer.from_str(tokenizer.backend_tokenizer.to_str())
    before = [] if backend.normalizer is None else [backend.normalizer]
    backend.normalizer = normalizers.Sequence([*before, normalizers.Lowercase()])
    return PreTrainedTokenizerFast(
        tokenizer_object=backend,
        model_input_names=["input_ids", "attention_mask"],
        clean_up_tokenization_spaces=False,
        split_special_tokens=tokenizer.split_special_tokens,
        **tokenizer.special_tokens_map,
    )


class PieceDropout:
    """Cuts texts finer than a byte-pair tokenizer does, each time otherwise, so that words are not learnt by heart.

    After BPE-dropout (Provilkov et al., 2020, section 3), which leaves merges out while a text is cut; here merges of
    the finished text come undone, and those of their parts again. The vocabulary is the same, and only the changed
    pieces cost anything.

    Args:
        tokenizer: of the kind "bpe".
        share: the probability of a merge to come undone.

    >>> tokenizer = train_tokenizer(["low lower lowest"] * 9, kind="bpe")
    >>> ids = PieceDropout(tokenizer, 0.5)(tokenizer("lower").input_ids, np.random.default_rng(2))
    >>> tokenizer.convert_ids_to_tokens(ids)
    ['▁low', 'e', 'r', '<eos>']
    """

    def __init__(self, tokenizer: PreTrainedTokenizerFast, share: float) -> None:
        model = json.loads(tokenizer.backend_tokenizer.to_str())["model"] if tokenizer.is_fast else {}
        if model.get("type") != "BPE":
            raise ValueError(
                "`bpe_dropout` undoes merges, which the tokenizer of the source does not make. Leave the flag away, "
                "or use `tokenizer` bpe."
            )
        self.share, number = share, model["vocab"]
        self.parts: dict[int, tuple[int, int]] = {}
        for left, right in model["merges"]:
            self.parts.setdefault(number[left + right], (number[left], number[right]))

    def __call__(self, ids: Sequence[int], random: np.random.Generator) -> list[int]:
        """The same text in other pieces; the same generator, the same pieces."""
        waiting, cut = list(reversed(ids)), []
        while waiting:
            piece = waiting.pop()
            if piece in self.parts and random.random() < self.share:
                waiting.extend(reversed(self.parts[piece]))
            else:
                cut.append(piece)
        return cut


def existing_tokenizers(name_or_path: str) -> tuple[Any, Any]:
    """The source and the target tokenizer of an earlier run, or one tokenizer for both sides.

    Raises:
        ValueError: there is none, or it cannot pad or end a text.
    """
    try:
        target = AutoTokenizer.from_pretrained(name_or_path)
        if not knows_words(target):
            raise ValueError("its vocabulary is empty")
    except (OSError, TypeError, ValueError) as error:
        raise ValueError(
            f"`tokenizer` must be one of {', '.join(TOKENIZER_KINDS)}, or a folder or Hub id of one, "
            f"but {name_or_path!r} has none that loads ({first_line(error)})."
        ) from error
    try:  # where `Seq2SeqProcessor` keeps it
        source = AutoTokenizer.from_pretrained(name_or_path, subfolder="source_tokenizer")
    except (OSError, ValueError):
        source = target
    for tokenizer in (target, source):
        if tokenizer.pad_token_id is None or tokenizer.eos_token_id is tokenizer.sep_token_id is None:
            raise ValueError(
                f"`tokenizer` must have a padding and an end token, but {name_or_path!r} lacks one. "
                "Add them and save it again, or learn a new one."
            )
    return source, target


def knows_words(tokenizer: Any) -> bool:
    """Whether a vocabulary holds more than marks; where its files are missing the library makes one of marks alone."""
    return len(tokenizer.get_vocab().keys() - tokenizer.get_added_vocab().keys()) > 1  # one: T5's sign of a space


def end_id(tokenizer: Any) -> int:
    """The label that ends a text; BERT and its like end with their separator."""
    return tokenizer.eos_token_id if tokenizer.eos_token_id is not None else tokenizer.sep_token_id


def choose_languages(tokenizer: Any, source: str | None, target: str | None) -> None:
    """Tells a tokenizer of many languages (mBART, M2M100, NLLB) which two it is about, for good.

    Raises:
        ValueError: it needs both and does not get them, or knows nothing of languages.
    """
    if not hasattr(tokenizer, "_build_translation_inputs"):
        if source or target:
            raise ValueError(
                f"`src_lang` and `tgt_lang` are for models of many languages, but this one has a "
                f"{type(tokenizer).__name__}. Leave them away."
            )
        return
    source, target = source or tokenizer.init_kwargs.get("src_lang"), target or tokenizer.init_kwargs.get("tgt_lang")
    if not (source and target):
        raise ValueError(
            f"`src_lang` and `tgt_lang` must be given, as this model knows many languages, but are {source!r} and "
            f'{target!r}. Name them as its tokenizer does, "eng_Latn" or "en_XX" for instance.'
        )
    for language in (source, target):
        language_id(tokenizer, language)
    tokenizer.src_lang, tokenizer.tgt_lang = source, target
    tokenizer.init_kwargs |= {"src_lang": source, "tgt_lang": target}


def language_id(tokenizer: Any, language: str) -> int:
    """The label that stands for a language.

    Raises:
        ValueError: the tokenizer has none.
    """
    known = getattr(tokenizer, "lang_code_to_id", None) or {}
    found = known.get(language, tokenizer.convert_tokens_to_ids(language))
    if found is None or found == tokenizer.unk_token_id:
        raise ValueError(f"`src_lang` and `tgt_lang` must be languages of the tokenizer, but it knows no {language!r}.")
    return found


def _untrained(kind: str) -> models.Model:
    unknown = SPECIAL_TOKENS["unk_token"]
    if kind == "bpe":
        return models.BPE(unk_token=unknown)
    return models.Unigram() if kind == "unigram" else models.WordLevel(unk_token=unknown)


def _splits(kind: str) -> list[pre_tokenizers.PreTokenizer]:
    """Spaces become part of the following word (`▁`); punctuation and single digits stand alone in all kinds."""
    apart = [pre_tokenizers.Metaspace(), pre_tokenizers.Punctuation(), pre_tokenizers.Digits(individual_digits=True)]
    return [*apart, pre_tokenizers.Split("", "isolated")] if kind == "char" else apart


def _signs(texts: Iterable[str], normalizer: normalizers.Normalizer) -> list[str]:
    """All characters as the trainers see them, the most frequent first."""
    counts: Counter[str] = Counter()
    for text in texts:
        counts.update("▁" + normalizer.normalize_str(text).replace(" ", "▁"))
    return sorted(counts, key=lambda sign: (-counts[sign], sign))


def _trainer(kind: str, vocab_size: int, signs: list[str]) -> trainers.Trainer:
    special = list(SPECIAL_TOKENS.values())
    if kind == "bpe":
        # Pieces seen once would never be learnt; characters beyond half of the vocabulary crowd out the words. The
        # trainer's own choice among equally rare characters differs from run to run, so we make it.
        kept = signs[: max(1, vocab_size // 2)]
        return trainers.BpeTrainer(
            vocab_size=vocab_size,
            min_frequency=2,
            initial_alphabet=kept,
            limit_alphabet=len(kept),
            special_tokens=special,
            show_progress=False,
        )
    if kind == "unigram":
        return trainers.UnigramTrainer(
            vocab_size=vocab_size, unk_token=special[0], special_tokens=special, show_progress=False
        )
    return trainers.WordLevelTrainer(vocab_size=vocab_size, special_tokens=special, show_progress=False)


def _in_order(tokenizer: Tokenizer) -> models.Unigram:
    """The model with its pieces in an order of ours; the trainer's differs from run to run.

    Two things do: the last digits of all scores; and which of the characters that were worth no piece gets which score.
    Theirs begin at the lowest of all and rise in steps of 0.0001.
    """
    pieces = [(piece, round(score, 6)) for piece, score in json.loads(tokenizer.to_str())["model"]["vocab"]]
    special, learnt = pieces[: len(SPECIAL_TOKENS)], pieces[len(SPECIAL_TOKENS) :]
    learnt.sort(key=lambda entry: (-entry[1], entry[0]))
    worthless, score = [], learnt[-1][1]
    for place in reversed(range(len(learnt))):
        if len(learnt[place][0]) == 1 and learnt[place][1] - score < 0.00015:
            worthless.append(place)
            score = learnt[place][1]
    signs = sorted(learnt[place][0] for place in worthless)
    for place, sign in zip(worthless, signs, strict=True):
        learnt[place] = sign, learnt[place][1]
    learnt.sort(key=lambda entry: (-entry[1], entry[0]))
    return models.Unigram([*special, *learnt], unk_id=0)


__all__ = [
    "TOKENIZER_KINDS",
    "PieceDropout",
    "choose_languages",
    "end_id",
    "existing_tokenizers",
    "knows_words",
    "language_id",
    "lowercasing",
    "train_tokenizer",
]
