"""The adapter for pairs of texts; the tasks differ from it in the name of the answer and in what they are scored by."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from copy import copy
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, ClassVar

import numpy as np
from transformers import PreTrainedModel

from toolkit import metrics
from toolkit.adapters.base import Adapter
from toolkit.adapters.core import RecurrentCore
from toolkit.adapters.text.checks import too_long, wordless_targets
from toolkit.adapters.text.gates import gate_curves
from toolkit.adapters.text.maps import attention_maps
from toolkit.adapters.text.pretrained import encoder_decoder, habits, pretrained_model, pretrained_processor
from toolkit.adapters.text.scoring import asked, chosen, score_text, score_texts
from toolkit.adapters.text.texts import Texts
from toolkit.adapters.tokenizers import (
    TOKENIZER_KINDS,
    PieceDropout,
    choose_languages,
    end_id,
    existing_tokenizers,
    language_id,
    lowercasing,
    train_tokenizer,
)
from toolkit.collate import Pad
from toolkit.data import Fault, Split, shared_rows
from toolkit.metrics import Score
from toolkit.models import RecurrentSeq2SeqForConditionalGeneration, Seq2SeqProcessor
from toolkit.report import Section


@dataclass
class TextToText(RecurrentCore, Adapter):
    """Pairs of texts, through the recurrent core or any pretrained `AutoModelForSeq2SeqLM`."""

    task: ClassVar[str] = "text2text-generation"
    hub_task: ClassVar[str] = "text-generation"
    purpose: ClassVar[str] = "Writes a text for a text."
    targets_have_words: ClassVar[bool] = True
    scores: ClassVar[tuple[str, ...]] = ("chrf", "bleu", "bleu_lowercase", "cer", "exact_match", "length_ratio")

    source_column: str | None = field(default=None, metadata={"help": "Column to read; none: the first."})
    target_column: str | None = field(default=None, metadata={"help": "Column to write; none: the second."})
    model_name_or_path: str | None = field(
        default=None, metadata={"help": "Pretrained encoder-decoder to start from; none: a fresh recurrent one."}
    )
    src_lang: str | None = field(
        default=None, metadata={"help": "Language of the sources, for a pretrained model of many, as it names them."}
    )
    tgt_lang: str | None = field(default=None, metadata={"help": "Language of the targets, likewise."})
    tokenizer: str = field(
        default="bpe",
        metadata={"help": f"Learn one of {', '.join(TOKENIZER_KINDS)}, or a folder or Hub id of one to reuse."},
    )
    vocab_size: int = field(default=8000, metadata={"help": "The most tokens of each side, or of both if shared."})
    shared_vocabulary: bool = field(default=False, metadata={"help": "Learn one vocabulary from both sides."})
    bpe_dropout: float = field(
        default=0.0, metadata={"help": "Share of the merges of a source text that come undone while training."}
    )
    lowercase_source: bool = field(default=False, metadata={"help": "Read without case."})
    max_source_length: int | None = field(default=None, metadata={"help": "Refuse longer sources, in tokens."})
    max_target_length: int | None = field(default=None, metadata={"help": "Refuse longer targets, in tokens."})
    num_beams: int | None = field(
        default=None, metadata={"help": "Hypotheses kept while writing; none: 5 fresh, the model's own pretrained."}
    )
    length_penalty: float | None = field(
        default=None, metadata={"help": "Power of the length that divides a hypothesis' score; none: the model's own."}
    )
    metric: str = field(default="chrf", metadata={"help": "Score that selects the best checkpoint."})
    bleu_tokenizer: str = field(default="auto", metadata={"help": "sacreBLEU's tokenizer; auto: by the script."})

    def __post_init__(self) -> None:
        if self.source_column is None and self.target_column is not None:
            raise ValueError(f"`target_column` ({self.target_column}) needs a `source_column`, but there is none.")
        if self.source_column is not None and self.source_column == self.target_column:
            raise ValueError(
                f"`target_column` must be another one than `source_column`, but both are {self.source_column}."
            )
        known = [name for name in self.scores if name != "length_ratio"]  # which is best near 1
        if self.metric not in known:
            raise ValueError(f"`metric` must be one of {', '.join(known)}, but is {self.metric!r}.")
        for name in ("max_source_length", "max_target_length", "num_beams"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise ValueError(f"`{name}` must be at least 1, but is {value}. Leave the flag away to do without.")
        if not 0 <= self.bpe_dropout < 1:
            raise ValueError(f"`bpe_dropout` must be at least 0 and below 1, but is {self.bpe_dropout}.")
        try:
            metrics.bleu([""], [""], tokenize=self.bleu_tokenizer)
        except (ImportError, RuntimeError, ValueError) as error:
            raise ValueError(f"`bleu_tokenizer` cannot be {self.bleu_tokenizer!r}: {error}") from error
        self._positions: int | None = None
        self._prefix, self._settings = "", asked(self.bleu_tokenizer)
        if self.model_name_or_path is None:
            self.core_config()  # refuses sizes and kinds that do not fit, before any data is read
            if self.src_lang or self.tgt_lang:
                raise ValueError(
                    "`src_lang` and `tgt_lang` belong to a pretrained model of many languages. Leave them away."
                )
            if self.bpe_dropout and self.tokenizer in TOKENIZER_KINDS and self.tokenizer != "bpe":
                raise ValueError(
                    f"`bpe_dropout` undoes merges, which `tokenizer` {self.tokenizer} does not make. Leave it away, or "
                    "use bpe."
                )
        else:
            config = encoder_decoder(self.model_name_or_path)
            if self.lowercase_source and type(config) is not RecurrentSeq2SeqForConditionalGeneration.config_class:
                raise ValueError(
                    "`lowercase_source` is for a vocabulary that is learnt, but `model_name_or_path` brings its own. "
                    "Leave it away."
                )
            self._positions = getattr(config, "max_position_embeddings", None)
            self._prefix = habits(config, self.task).get("prefix") or ""
        self._names: tuple[str, ...] = tuple(self.columns or ())
        self._train: Split | None = None
        self._is_learning = False

    @property
    def columns(self) -> Sequence[str] | None:
        """Source and target, the source alone, or none for the first two of the file."""
        if self.source_column is None:
            return None
        return (self.source_column,) if self.target_column is None else (self.source_column, self.target_column)

    def fit(self, splits: Mapping[str, Split]) -> None:
        """Notes the names of the columns, and the training texts that a vocabulary is learnt from."""
        first = next(iter(splits.values()))
        self._names = tuple(name for name in first.dataset.column_names if name != "line")
        before, self._train = self._train, splits.get("train")
        if self.model_name_or_path is None and before is not None and self._train not in (None, before):
            self.__dict__.pop("processor", None)  # it may have learnt from rows that are left out now
        if self._train is not None and len(self._names) < 2:
            raise ValueError("`target_column` must be given to train, but only `source_column` is. Name what to write.")
        if self.bpe_dropout and self._train and (self.model_name_or_path or self.tokenizer not in TOKENIZER_KINDS):
            self._piece_dropout  # noqa: B018  # refuses a tokenizer without merges before anything is touched

    @cached_property
    def processor(self) -> Any:
        """Both tokenizers: those of the pretrained model, existing ones, or learnt from the training texts."""
        if self.model_name_or_path is not None:
            processor = pretrained_processor(self.model_name_or_path)
            choose_languages(getattr(processor, "tokenizer", processor), self.src_lang, self.tgt_lang)
            return processor
        if self.tokenizer not in TOKENIZER_KINDS:
            source, target = existing_tokenizers(self.tokenizer)
        elif self.shared_vocabulary:
            source = target = self._learn(self._names)
        else:
            source, target = self._learn(self._names[:1]), self._learn(self._names[1:])
        source = lowercasing(source) if self.lowercase_source else source
        return Seq2SeqProcessor(tokenizer=target, source_tokenizer=source)

    def _learn(self, names: Sequence[str]) -> Any:
        if self._train is None:
            raise ValueError(
                "A vocabulary is learnt from training data, but there is none. Give `train_file`, "
                "or `model_name_or_path` for a model that has one."
            )
        texts = Texts(self._train, names, lowercase=self._names[:1] if self.lowercase_source else ())
        self._is_learning = True
        try:
            return train_tokenizer(texts, kind=self.tokenizer, vocab_size=self.vocab_size)
        finally:
            self._is_learning = False

    def model(self) -> PreTrainedModel:
        """The pretrained model, or a fresh recurrent one of the size that the vocabulary asks for."""
        if self.model_name_or_path is not None:
            return pretrained_model(self.model_name_or_path, self.task, as_it_is=self._train is None)
        target, source = self.processor.tokenizer, self.processor.source_tokenizer
        start = next(i for i in (target.bos_token_id, target.cls_token_id, target.pad_token_id) if i is not None)
        shared = target.get_vocab() == source.get_vocab()
        config = self.core_config(
            vocab_size=len(target),
            source_vocab_size=None if shared else len(source),
            share_embeddings=shared and self.tie_word_embeddings,
            pad_token_id=target.pad_token_id,
            bos_token_id=start,
            eos_token_id=end_id(target),
            decoder_start_token_id=start,
        )
        return RecurrentSeq2SeqForConditionalGeneration(config)

    @property
    def generation(self) -> dict[str, Any]:
        """Beam search with these widths and penalties; a pretrained model keeps its own where none are given."""
        fresh = {"num_beams": 5} if self.model_name_or_path is None else {}
        language = language_id(self._target_tokenizer, self.tgt_lang) if self.tgt_lang else None
        asked = {"num_beams": self.num_beams, "length_penalty": self.length_penalty, "forced_bos_token_id": language}
        return {**fresh, **{name: value for name, value in asked.items() if value is not None}}

    def inputs(self, row: Mapping[str, Any]) -> dict[str, Any]:
        """`input_ids` and `attention_mask`."""
        encoded = self._source_tokenizer(self._prefix + row[self._names[0]])
        return {name: encoded[name] for name in ("input_ids", "attention_mask")}

    @property
    def stores_inputs(self) -> bool:  # type: ignore[override]
        """Whether a text is cut the same way every time."""
        return not self.bpe_dropout

    def varied_inputs(self, row: Mapping[str, Any], random: np.random.Generator) -> dict[str, Any]:
        """The source in finer pieces."""
        inputs = self.inputs(row)
        if not self.bpe_dropout:
            return inputs
        ids = self._piece_dropout(inputs["input_ids"], random)
        return {"input_ids": ids, "attention_mask": [1] * len(ids)}

    @cached_property
    def _piece_dropout(self) -> PieceDropout:
        return PieceDropout(self._source_tokenizer, self.bpe_dropout)

    def labels(self, row: Mapping[str, Any]) -> list[int]:
        """The target's ids, with the end-of-sequence token last."""
        encoded = self.processor(text_target=row[self._names[1]])
        ids, end = list(encoded.get("labels", encoded.get("input_ids"))), end_id(self._target_tokenizer)
        return ids if end in ids[-2:] else [*ids, end]  # some write the language after it

    @property
    def _source_tokenizer(self) -> Any:
        return getattr(self.processor, "source_tokenizer", self.processor)

    @property
    def _target_tokenizer(self) -> Any:
        return getattr(self.processor, "tokenizer", self.processor)

    @property
    def pad(self) -> Pad:
        """Padding is masked on the source side and ignored by the loss on the target side."""
        return Pad({"input_ids": self._source_tokenizer.pad_token_id, "attention_mask": 0, "labels": -100})

    def shown(self, row: Mapping[str, Any]) -> str:
        """The source text."""
        return row[self._names[0]]

    def expected(self, row: Mapping[str, Any]) -> str | None:
        """The target text."""
        return row[self._names[1]] if len(self._names) > 1 else None

    def decode(self, output: Sequence[int]) -> str:
        """The text without special tokens."""
        return self._target_tokenizer.decode(output, skip_special_tokens=True)

    def score(self, predicted: Iterable[str], expected: Iterable[str], *, only: str | None = None) -> dict[str, Score]:
        """The scores of the task."""
        names = self.scores if only is None else (only,)
        return score_texts(names, predicted, expected, self._settings)

    def for_parts_of(self, expected: Iterable[str]) -> "TextToText":
        """Itself, with what BLEU and TER choose by the script chosen by all of these references."""
        same = copy(self)
        same._settings = chosen(expected, self.bleu_tokenizer)
        return same

    def row_score(self, predicted: str, expected: str) -> float:
        """The chrF of one row."""
        return score_text(predicted, expected)

    def sections(self, records: Iterable[Mapping[str, Any]], serve: Callable[..., Any]) -> Iterator[Section]:
        """Attention maps, and the gates of the decoder."""
        yield from attention_maps(records, serve)
        yield from gate_curves(records, serve, lambda text: self.inputs({self._names[0]: text}))

    def questions(self, records: Iterable[Mapping[str, Any]]) -> Iterator[tuple[str, Any]]:
        """The sources of the rows."""
        return ((repr(record["source"]), record["prediction"]) for record in records)

    def check_row(self, row: Mapping[str, Any]) -> str | None:
        """Blank texts, and texts beyond the lengths asked for or the positions that a pretrained model has."""
        for name in self._names:
            if not row[name].strip():
                return f"`{name}` is blank, so there is nothing to learn. Fill it or remove the row."
        for name, limit, encode in (
            ("source", self.max_source_length, lambda: self.inputs(row)["input_ids"]),
            ("target", self.max_target_length, lambda: self.labels(row) if len(self._names) > 1 else ()),
        ):
            if (limit is None and self._positions is None) or self._is_learning:
                continue  # a stream is checked while it is read, also where its vocabulary is not known yet
            if sentence := too_long(name, len(encode()), limit, self._positions):
                return sentence
        return None

    def check(self, splits: Mapping[str, Split]) -> Iterator[Fault]:
        """Wrong rows, targets without a word among those with words, and rows that would be trained on and scored."""
        yield from super().check(splits)
        if len(self._names) < 2:
            return
        for split in splits.values() if self.targets_have_words else ():
            yield from wordless_targets(split, self._names)
        yield from shared_rows(splits, self._names)


__all__ = ["TextToText"]
