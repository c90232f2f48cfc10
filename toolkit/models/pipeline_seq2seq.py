"""Text-to-text pipelines for every encoder-decoder, among them the three that transformers 5 removed.

Beside the text they can return what the decoder looked at (`return_attentions`), what else it considered
(`return_steps`) and what would have followed another word (`forced`).
"""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor
from transformers import LogitsProcessor, LogitsProcessorList

from .pipeline_writing import WritingPipeline, given


class ForcedTokens(LogitsProcessor):
    """Leaves one choice at the given steps, counted from 0."""

    def __init__(self, tokens: Mapping[int, int], prompt_length: int = 1) -> None:
        self.tokens, self.prompt_length = dict(tokens), prompt_length

    def __call__(self, input_ids: Tensor, scores: Tensor) -> Tensor:
        """The scores as they came or, at a forced step, 0 for its token and minus infinity for all others."""
        token = self.tokens.get(input_ids.shape[1] - self.prompt_length)
        if token is None:
            return scores
        return torch.full_like(scores, -torch.inf).index_fill_(1, torch.tensor([token], device=scores.device), 0.0)


def _check_whole(name: str, text: str) -> None:
    """Refuses half a surrogate pair, which no tokenizer takes."""
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise ValueError(
            f"`{name}` must hold whole characters, but character {error.start + 1} of {text!r} is half a surrogate "
            "pair. Write the whole character."
        ) from None


class Seq2SeqTextPipeline(WritingPipeline):
    """Text in, text out; the subclasses only say under which name.

    Every generation argument can be given by name, to the pipeline or to one call: `num_beams`, `length_penalty`,
    `do_sample`, `num_return_sequences`, `max_new_tokens`, ...
    """

    return_name = "generated"

    def __init__(self, *args, **settings) -> None:  # type: ignore[no-untyped-def]
        super().__init__(*args, **settings)
        habits = (getattr(self.model.config, "task_specific_params", None) or {}).get(self.task, {})
        self.prefix = habits.get("prefix", self.prefix)
        known = {name: value for name, value in habits.items() if hasattr(self._default_generation_config, name)}
        self._generate_kwargs = {**known, **self._generate_kwargs}

    def __call__(self, inputs, **settings):  # type: ignore[no-untyped-def, override]
        """Writes one text for each that is given.

        Args:
            inputs: a text, a list, a generator or a dataset of texts.
            **settings: `batch_size`; `src_lang` and `tgt_lang` for models of many languages; `truncation`;
                `return_tensors` for ids instead of text; `clean_up_tokenization_spaces`; `return_attentions` and
                `return_steps` (see `postprocess`); `forced`, tokens by step, counted from 0: adds `forced_text`, what
                is written when these are put in place of the model's choices; everything else goes to `generate`.

        Returns:
            For a text a list of `num_return_sequences` dictionaries; for a list one dictionary per text, or, with
            several sequences, one list per text.
        """
        answers = super().__call__(inputs, **settings)
        if isinstance(inputs, Sequence) and not isinstance(inputs, str) and all(len(answer) == 1 for answer in answers):
            return [answer[0] for answer in answers]
        return answers

    def _sanitize_parameters(  # type: ignore[no-untyped-def]
        self,
        src_lang: str | None = None,
        tgt_lang: str | None = None,
        truncation: bool | None = None,
        return_tensors: bool | None = None,
        clean_up_tokenization_spaces: bool | None = None,
        return_attentions: bool | None = None,
        return_steps: bool | None = None,
        forced: Mapping[int, str] | None = None,
        **generation,
    ) -> tuple[dict, dict, dict]:
        before = {"src_lang": src_lang, "tgt_lang": tgt_lang, "truncation": truncation}
        after = {
            "return_tensors": return_tensors,
            "clean_up_tokenization_spaces": clean_up_tokenization_spaces,
        }
        wanted = given({"return_attentions": return_attentions, "return_steps": return_steps})
        if forced is not None:
            generation["forced"] = {step: self._one_token(word) for step, word in forced.items()}
        return given(before), {**generation, **wanted}, {**given(after), **wanted}

    def _one_token(self, word: str) -> int:
        """The token of that name or, if there is none, the one that the word becomes."""
        _check_whole("forced", word)
        unknown = None if word == self.tokenizer.unk_token else self.tokenizer.unk_token_id
        token = self.tokenizer.convert_tokens_to_ids(word)
        if token is not None and token != unknown:
            return token
        ids = self.tokenizer(word, add_special_tokens=False)["input_ids"]
        if len(ids) != 1 or ids[0] == unknown:
            raise ValueError(
                f"`forced` must name single tokens that the model knows, but {word!r} is "
                f"{' '.join(self.tokenizer.convert_ids_to_tokens(ids)) or 'empty'}. Name one that it knows."
            )
        return ids[0]

    def _source_tokenizer(self):  # type: ignore[no-untyped-def]
        return getattr(self.processor, "source_tokenizer", None) or self.tokenizer

    def preprocess(  # type: ignore[override]
        self, text: str, src_lang: str | None = None, tgt_lang: str | None = None, truncation: bool = False
    ) -> dict[str, Tensor]:
        """Encodes one text, with the model's prefix and, for models of many languages, its language marks."""
        if not isinstance(text, str):
            raise TypeError(f"`inputs` must be text or many texts, but one of them is a {type(text).__name__}.")
        _check_whole("inputs", text)
        tokenizer = self._source_tokenizer()
        if hasattr(tokenizer, "_build_translation_inputs") and (src_lang or tgt_lang):
            usual = getattr(tokenizer, "src_lang", None)
            encoded = tokenizer._build_translation_inputs(
                text,
                return_tensors="pt",
                truncation=truncation,
                src_lang=src_lang or usual,
                tgt_lang=tgt_lang or getattr(tokenizer, "tgt_lang", None),
            )
            tokenizer.src_lang = usual  # or the next text would be taken for one of this language
        else:
            encoded = tokenizer((self.prefix or "") + text, return_tensors="pt", truncation=truncation)
            encoded.pop("token_type_ids", None)
        if encoded["input_ids"].shape[1] == 0:
            raise ValueError(f"`inputs` must hold at least one token, but {text!r} has none.")
        return dict(encoded)

    def _forward(  # type: ignore[no-untyped-def, override]
        self,
        model_inputs: dict,
        forced: Mapping[int, int] | None = None,
        return_attentions: bool = False,
        return_steps: bool = False,
        **generation,
    ) -> dict[str, Tensor]:
        rows = len(model_inputs["input_ids"])
        first = model_inputs.pop("forced_bos_token_id", None)  # the language to write; in a batch one for each text
        if first is not None:
            generation.setdefault("forced_bos_token_id", first[0] if isinstance(first, list) else first)
        generation = self._prepare_generate_kwargs(
            generation,
            return_dict_in_generate=return_attentions or return_steps,
            output_attentions=return_attentions,
            output_scores=return_steps,
        )
        if return_attentions and self.model.config._attn_implementation != "eager":
            self.model.set_attn_implementation("eager")  # the fused kernels keep their weights to themselves
        outputs = self._written(self.model.generate(**model_inputs, **generation), rows)
        if forced is not None:
            processors = [*(generation.pop("logits_processor", None) or []), ForcedTokens(forced)]
            again = self.model.generate(**model_inputs, **generation, logits_processor=LogitsProcessorList(processors))
            outputs["forced_sequences"] = self._written(again, rows)["sequences"]
        ids = model_inputs["input_ids"]
        return {**outputs, "input_ids": ids, "attention_mask": model_inputs.get("attention_mask", torch.ones_like(ids))}

    def postprocess(  # type: ignore[override]
        self,
        model_outputs: Mapping[str, Tensor],
        return_tensors: bool = False,
        clean_up_tokenization_spaces: bool | None = None,
        return_attentions: bool = False,
        return_steps: bool = False,
    ) -> list[dict]:
        """Names the answers.

        Args:
            model_outputs: what `_forward` gave for one text.
            return_tensors: gives `<name>_token_ids` instead of `<name>_text`.
            clean_up_tokenization_spaces: as the tokenizer's `decode` takes it.
            return_attentions: adds `attention`: `source_tokens`, `target_tokens` and `weights`, one row for each token
                written, over all source tokens (of models with several layers the last, of several heads the mean);
                nothing for a model that has no attention.
            return_steps: adds `steps`: for each token written what was read, the five likeliest tokens with their
                probabilities, and the choice.
        """
        records = []
        for index, ids in enumerate(model_outputs["sequences"][0]):
            if return_tensors:
                record: dict = {f"{self.return_name}_token_ids": ids}
            else:
                record = {f"{self.return_name}_text": self._text(ids, clean_up_tokenization_spaces)}
            if "forced_sequences" in model_outputs:
                record["forced_text"] = self._text(
                    model_outputs["forced_sequences"][0, index], clean_up_tokenization_spaces
                )
            written = self.tokenizer.convert_ids_to_tokens(self._finished(ids))
            if return_attentions and "attentions" in model_outputs:
                real = model_outputs["attention_mask"][0].bool()
                source = model_outputs["input_ids"][0, real].tolist()
                record["attention"] = {
                    "source_tokens": self._source_tokenizer().convert_ids_to_tokens(source),
                    "target_tokens": written[1:],
                    "weights": model_outputs["attentions"][0, index, : len(written) - 1, real].tolist(),
                }
            if return_steps:
                record["steps"] = [self._step(step, written, model_outputs, index) for step in range(len(written) - 1)]
            records.append(record)
        return records

    def _step(self, step: int, written: list[str], outputs: Mapping[str, Tensor], index: int) -> dict:
        tokens = self.tokenizer.convert_ids_to_tokens(outputs["top_tokens"][0, index, step].tolist())
        top = zip(tokens, outputs["top_probabilities"][0, index, step].tolist(), strict=True)
        return {"step": step, "input": written[step], "top": list(top), "choice": written[step + 1]}


class TranslationPipeline(Seq2SeqTextPipeline):
    """Answers with `translation_text`.

    Models of many languages need `src_lang` and `tgt_lang`; the old task name "translation_en_to_de" brings both.
    """

    return_name = "translation"

    def preprocess(  # type: ignore[override]
        self, text: str, src_lang: str | None = None, tgt_lang: str | None = None, truncation: bool = False
    ) -> dict[str, Tensor]:
        """As every text pipeline, but refuses to let a model of many languages choose one."""
        named = self.task.removeprefix("translation_").split("_to_")
        if len(named) == 2:
            src_lang, tgt_lang = src_lang or named[0], tgt_lang or named[1]
        if (
            hasattr(self._source_tokenizer(), "_build_translation_inputs")
            and getattr(self.processor, "source_tokenizer", None) is None
            and not (src_lang and tgt_lang)
            and self.model.generation_config.forced_bos_token_id is None
        ):
            raise ValueError(
                f"`src_lang` and `tgt_lang` must be given, as this model knows many languages, but are {src_lang!r} "
                f'and {tgt_lang!r}. Name them as its tokenizer does, "eng_Latn" or "en_XX" for instance.'
            )
        return super().preprocess(text, src_lang=src_lang, tgt_lang=tgt_lang, truncation=truncation)


class SummarizationPipeline(Seq2SeqTextPipeline):
    """Answers with `summary_text`."""

    return_name = "summary"


class Text2TextGenerationPipeline(Seq2SeqTextPipeline):
    """Answers with `generated_text`."""


__all__ = [
    "ForcedTokens",
    "Seq2SeqTextPipeline",
    "SummarizationPipeline",
    "Text2TextGenerationPipeline",
    "TranslationPipeline",
]
