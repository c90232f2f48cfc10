"""What all pipelines share whose models write labels one by one: the answer of `generate`, and reading it."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from transformers import GenerationConfig, Pipeline

TOP = 5


class WritingPipeline(Pipeline):
    """Takes apart what `generate` gave: ids, where the decoder looked, and what else it considered."""

    model: Any  # the library types these by what may be missing elsewhere
    tokenizer: Any
    processor: Any
    _load_processor: Any = True
    _load_tokenizer: Any = True
    _load_feature_extractor: Any = False
    _load_image_processor: Any = False
    _load_video_processor: Any = False
    _pipeline_calls_generate = True
    _default_generation_config = GenerationConfig(max_new_tokens=256)

    def __call__(self, inputs, **settings):  # type: ignore[no-untyped-def, override]
        """Answers one input, a list, a generator or a dataset of them."""
        if isinstance(inputs, Sequence) and not isinstance(inputs, str | bytes):  # a tuple, the column of a dataset
            inputs = list(inputs)
        return [] if isinstance(inputs, list) and not inputs else super().__call__(inputs, **settings)

    def _prepare_generate_kwargs(self, generate_kwargs: dict, **overrides: object) -> dict:
        """As the library's, but refuses what `generate` would divide by."""
        settings = super()._prepare_generate_kwargs(generate_kwargs, **overrides)
        for name in ("num_beams", "num_return_sequences"):
            number = settings.get(name)
            if number is None and settings.get("generation_config") is not None:
                number = getattr(settings["generation_config"], name, None)
            if number is not None and number < 1:
                raise ValueError(f"`{name}` must be at least 1, but is {number}. 1 is the default.")
        return settings

    def _written(self, output: Any, rows: int) -> dict[str, Tensor]:
        """Ids, weights and the best labels of each step: (B, sequences, ...), so that a batch can be taken apart."""
        if isinstance(output, Tensor):  # nothing but ids was asked for
            return {"sequences": output.unflatten(0, (rows, -1))}
        outputs = {"sequences": output.sequences}
        if any(step is not None for step in output.get("cross_attentions") or ()):
            outputs["attentions"] = attended(output)
        if output.get("scores"):
            best = [scores.log_softmax(-1).exp().topk(min(TOP, scores.shape[-1])) for scores in output.scores]
            outputs["top_tokens"] = _along(output, [step.indices for step in best])
            outputs["top_probabilities"] = _along(output, [step.values for step in best])
        return {name: tensor.unflatten(0, (rows, -1)) for name, tensor in outputs.items()}

    def _text(self, ids: Tensor | list[int], clean_up: bool | None = None) -> str:
        return self.tokenizer.decode(ids, skip_special_tokens=True, clean_up_tokenization_spaces=clean_up)

    def _finished(self, ids: Tensor) -> list[int]:
        """The ids up to and with the end-of-sequence token; the first one is what the decoder starts from."""
        ends = self.model.generation_config.eos_token_id
        ends = ends if isinstance(ends, list) else [ends]
        written = ids.tolist()
        length = next((step + 1 for step, token in enumerate(written) if step and token in ends), len(written))
        return written[:length]


def given(settings: dict) -> dict:
    """The settings that somebody has set."""
    return {name: value for name, value in settings.items() if value is not None}


def attended(output: Any) -> Tensor:
    """Where the decoder looked for each label that was written, (sequences, steps, S): last layer, mean of heads."""
    return _along(output, [step[-1][:, :, -1].mean(1) for step in output.cross_attentions])


def likelihoods(model: Any, output: Any) -> Tensor:
    """How likely each label was that was written, (sequences, steps), from `generate` with `output_scores`."""
    beams = getattr(output, "beam_indices", None)
    return model.compute_transition_scores(output.sequences, output.scores, beams, normalize_logits=True).exp()


def _along(output: Any, steps: list[Tensor]) -> Tensor:
    """Follows each finished sequence back through the rows it had at every step: (sequences, steps, ...)."""
    count = output.sequences.shape[1] - 1
    beams = getattr(output, "beam_indices", None)
    if beams is None:
        beams = torch.arange(len(output.sequences), device=output.sequences.device)[:, None].expand(-1, count)
    beams = beams[:, :count].clamp(min=0)
    return torch.stack([values[rows] for values, rows in zip(steps, beams.unbind(1), strict=False)], 1)


__all__ = ["WritingPipeline", "attended", "given", "likelihoods"]
