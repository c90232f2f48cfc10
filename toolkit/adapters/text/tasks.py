"""The tasks that are pairs of texts."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

from toolkit.adapters.text.pairs import TextToText


@dataclass
class Translation(TextToText):
    """A sentence in another language."""

    task: ClassVar[str] = "translation"
    hub_task: ClassVar[str] = "translation"
    purpose: ClassVar[str] = "Translates a text."
    scores: ClassVar[tuple[str, ...]] = ("bleu", "bleu_lowercase", "chrf", "ter", "cer", "exact_match", "length_ratio")


@dataclass
class Summarization(TextToText):
    """A text in fewer words."""

    task: ClassVar[str] = "summarization"
    hub_task: ClassVar[str] = "summarization"
    purpose: ClassVar[str] = "Says a text in fewer words."
    scores: ClassVar[tuple[str, ...]] = ("rougeL", "rouge1", "rouge2", "chrf", "exact_match", "length_ratio")
    metric: str = field(default="rougeL", metadata={"help": "Score that selects the best checkpoint."})


@dataclass
class Dialogue(TextToText):
    """An answer to what was said."""

    task: ClassVar[str] = "dialogue"
    purpose: ClassVar[str] = "Answers what was said."
    targets_have_words: ClassVar[bool] = False  # "?!" is an answer

    repetition_penalty: float | None = field(
        default=None, metadata={"help": "Above 1: words already written cost more; none: 1.2 fresh."}
    )
    no_repeat_ngram_size: int | None = field(
        default=None, metadata={"help": "Never write so many tokens twice, 0: no guard; none: 3 fresh."}
    )
    do_sample: bool = field(default=False, metadata={"help": "Draw the answer instead of searching for the likeliest."})

    @property
    def generation(self) -> dict[str, Any]:
        """Search or sampling, guarded against loops."""
        guard = {"repetition_penalty": 1.2, "no_repeat_ngram_size": 3} if self.model_name_or_path is None else {}
        given = {name: getattr(self, name) for name in ("repetition_penalty", "no_repeat_ngram_size")}
        guard |= {name: value for name, value in given.items() if value is not None}
        return {**super().generation, **guard, **({"num_beams": 1, "do_sample": True} if self.do_sample else {})}

    def questions(self, records: Iterable[Mapping[str, Any]]) -> Iterator[tuple[str, Any]]:
        """As for every pair of texts; what an answer that is drawn must say is not known."""
        return ((question, None if self.do_sample else answer) for question, answer in super().questions(records))


__all__ = ["Dialogue", "Summarization", "Translation"]
