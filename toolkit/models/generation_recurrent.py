"""How `generate` writes with a recurrent model.

What is asked for beyond the labels themselves (scores, attentions, sampling, a processor of logits, a streamer), and a
model with another `forward`, hooks or adapters, goes through the library's own loops. Both ways write the same.
"""

from typing import Any

import torch
from torch import Tensor, nn
from transformers import GenerationConfig, GenerationMixin, LogitsProcessorList, StoppingCriteria, StoppingCriteriaList
from transformers.generation import EosTokenCriteria, MaxLengthCriteria

from .generation_search import Writer, search_with_beams, write_greedily
from .layers_decoder import RecurrentDecoder
from .layers_decoding import is_changed, is_plain
from .layers_recurrent import RecurrentEncoderOutput, RecurrentState


class RecurrentGenerationMixin(GenerationMixin):
    """`generate` for a model whose decoder carries a recurrent state."""

    decoder: RecurrentDecoder
    lm_head: nn.Linear

    def _prepare_model_inputs(
        self, inputs: Tensor | None, bos_token_id: Tensor | None, model_kwargs: dict
    ) -> tuple[Tensor, str | None, dict]:
        """Lets `generate` begin with the vectors of a backbone."""
        if model_kwargs.get("encoder_features") is not None:
            return model_kwargs.pop("encoder_features"), "encoder_features", model_kwargs
        return super()._prepare_model_inputs(inputs, bos_token_id, model_kwargs)  # type: ignore[misc]

    def _prepare_cache_for_generation(  # type: ignore[override]
        self, generation_config: GenerationConfig, model_kwargs: dict, *_: object, **__: object
    ) -> None:
        """Puts a recurrent state where `generate` would put keys and values."""
        if generation_config.use_cache and model_kwargs.get("past_key_values") is None:
            model_kwargs["past_key_values"] = RecurrentState()

    def _expand_inputs_for_generation(  # type: ignore[override]
        self, expand_size: int = 1, is_encoder_decoder: bool = False, input_ids: Tensor | None = None, **inputs: object
    ) -> tuple[Tensor | None, dict]:
        """Copies each row for its hypotheses, but not the encoder's states: the decoder lets them share these."""
        encoded = inputs.pop("encoder_outputs", None)
        input_ids, inputs = super()._expand_inputs_for_generation(expand_size, False, input_ids, **inputs)  # type: ignore
        return input_ids, {**inputs, "encoder_outputs": encoded}

    def _sample(self, input_ids: Tensor, *args: Any, **settings: Any) -> Any:
        """Greedy search by our own loop."""
        writer = self._writer(len(input_ids), **settings)
        if writer is None:
            return super()._sample(input_ids, *args, **settings)  # type: ignore[misc, arg-type]
        return write_greedily(writer, input_ids, settings["generation_config"])

    def _beam_search(self, input_ids: Tensor, *args: Any, **settings: Any) -> Any:
        """Beam search by our own loop."""
        writer = self._writer(len(input_ids), **settings)
        if writer is None:
            return super()._beam_search(input_ids, *args, **settings)  # type: ignore[misc, arg-type]
        return search_with_beams(writer, input_ids, settings["generation_config"])

    def _writer(
        self,
        rows: int,
        *,
        generation_config: Any,
        logits_processor: LogitsProcessorList,
        stopping_criteria: StoppingCriteriaList,
        synced_gpus: bool = False,
        streamer: object = None,
        encoder_outputs: object = None,
        past_key_values: object = None,
        **_: object,
    ) -> Writer | None:
        """What our own loops write with; none where more is asked for than they do."""
        if (
            not _is_asked_directly(self)
            or generation_config.do_sample
            or generation_config.return_dict_in_generate
            or generation_config._eos_token_tensor is None
            or logits_processor
            or synced_gpus
            or streamer is not None
            or not all(_says_what_the_config_says(rule, generation_config) for rule in stopping_criteria)
            or not isinstance(encoder_outputs, RecurrentEncoderOutput)
            or len(encoder_outputs.attention_mask) * generation_config.num_beams != rows
            or not isinstance(past_key_values, RecurrentState)
            or past_key_values.get_seq_length()
        ):
            return None
        return Writer(self.decoder, self.lm_head, encoder_outputs, past_key_values.tensors)


def _is_asked_directly(model: Any) -> bool:
    """Whether a loop may ask the decoder itself: nothing is dropped, and nobody has changed what `forward` does."""
    made: Any = next(kind for kind in type(model).__mro__ if RecurrentGenerationMixin in kind.__bases__)
    changed = is_changed(model) or is_changed(model.decoder) or not is_plain(model.lm_head)
    return not model.training and not changed and type(model).forward is made.forward


def _says_what_the_config_says(rule: StoppingCriteria, config: Any) -> bool:
    """Whether a rule about where to stop is one that the configuration stands for."""
    if isinstance(rule, MaxLengthCriteria):
        return rule.max_length == config.max_length
    ends = config._eos_token_tensor
    return isinstance(rule, EosTokenCriteria) and torch.equal(rule.eos_token_id.to(ends.device), ends)


__all__ = ["RecurrentGenerationMixin"]
