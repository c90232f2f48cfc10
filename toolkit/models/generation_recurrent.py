"""How `generate` writes with a recurrent model: greedily or with beams, in a batch that shrinks as sentences end.

What is asked for beyond the labels themselves (scores, attentions, sampling, a processor of logits, a streamer) goes
through the library's own loops. Both ways write the same.

Shapes: `B` sentences still being written, `K` hypotheses of each, `N` candidates of each, `T` target steps, `V` labels.
"""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from transformers import GenerationConfig, GenerationMixin, LogitsProcessorList, StoppingCriteria, StoppingCriteriaList
from transformers.generation import EosTokenCriteria, MaxLengthCriteria

from .layers_recurrent import RecurrentEncoderOutput, RecurrentState

NEVER = -1e9
"""The score of a place that no hypothesis has taken yet, as in the library."""


class Writer:
    """Scores the next label of rows that are being written, and forgets those that have ended.

    Args:
        model: what scores.
        encoded: the source, one row per sentence.
        state: where each row stands.
    """

    def __init__(self, model: nn.Module, encoded: RecurrentEncoderOutput, state: RecurrentState) -> None:
        self.model, self.encoded, self.state = model, encoded, state

    def __call__(self, labels: Tensor) -> Tensor:
        """Labels (rows, T) since the last call to logits (rows, V), which are the caller's to change."""
        output = self.model(
            encoder_outputs=self.encoded,
            decoder_input_ids=labels,
            past_key_values=self.state,
            use_cache=True,
            logits_to_keep=1,
        )
        return output.logits[:, -1].float()

    def keep(self, sentences: Tensor | None, rows: Tensor) -> None:
        """Goes on with these rows alone, of these sentences; none: of all."""
        if sentences is not None:
            kept = {name: tensor[sentences] for name, tensor in self.encoded.items()}
            self.encoded = RecurrentEncoderOutput(**kept)
        self.state.reorder_cache(rows)  # type: ignore[arg-type]


def is_worth_dropping(done: Tensor) -> bool:
    """Whether so many rows are done that it pays to copy the others."""
    return 8 * int(done.sum()) >= len(done)


def write_greedily(writer: Writer, start: Tensor, config: Any) -> Tensor:
    """The likeliest label again and again.

    Args:
        writer: scores the next label of each row.
        start: (B, T), what every row begins with.
        config: where a row ends, and what fills it then.

    Returns:
        (B, steps of the longest row)
    """
    ends, pad = config._eos_token_tensor, config._pad_token_tensor
    columns = list(start.unbind(1))
    places, labels = torch.arange(len(start), device=start.device), start
    ended = torch.zeros(len(start), dtype=torch.bool, device=start.device)
    while len(columns) < config.max_length:
        chosen = torch.where(ended, pad, writer(labels).argmax(-1))
        columns.append(pad.repeat(len(start)).index_copy(0, places, chosen))
        ended = ended | (chosen.unsqueeze(1) == ends).any(1)
        if ended.all():
            break
        if is_worth_dropping(ended):
            going = (~ended).nonzero().squeeze(1)
            writer.keep(going, going)
            places, chosen, ended = places[going], chosen[going], ended[going]
        labels = chosen.unsqueeze(1)
    return torch.stack(columns, 1)


@dataclass(frozen=True)
class Ended:
    """The best hypotheses of each sentence that have ended, the best first.

    Attributes:
        scores: (B, K), divided by their lengths to the power asked for.
        ids: (B, K, steps of the longest)
        lengths: (B, K) steps that were written, 0 where there is no hypothesis yet.
        filler: stands behind the end of the shorter ones.
    """

    scores: Tensor
    ids: Tensor
    lengths: Tensor
    filler: int

    @property
    def is_full(self) -> Tensor:
        """(B, K), where there is a hypothesis."""
        return self.lengths > 0

    def merge(self, scores: Tensor, ids: Tensor, length: int) -> "Ended":
        """The best of these and of candidates (B, N) of a length, -inf where one is not meant."""
        best, order = torch.cat([self.scores, scores], 1).topk(self.scores.shape[1])
        lengths = torch.cat([self.lengths, torch.full_like(scores, length, dtype=torch.long)], 1)
        rows = torch.cat([self.filled(ids.shape[2]), ids], 1)
        return Ended(best, pick(rows, order), lengths.gather(1, order), self.filler)

    def filled(self, steps: int) -> Tensor:
        """The ids with so many steps."""
        return nn.functional.pad(self.ids, (0, steps - self.ids.shape[2]), value=self.filler)

    def rows(self, places: Tensor) -> "Ended":
        """Those of some sentences."""
        return Ended(self.scores[places], self.ids[places], self.lengths[places], self.filler)


def pick(rows: Tensor, order: Tensor) -> Tensor:
    """(B, N, T) and (B, K) to (B, K, T)."""
    return rows.gather(1, order.unsqueeze(2).expand(-1, -1, rows.shape[2]))


def best_continuations(logits: Tensor, scores: Tensor, number: int) -> tuple[Tensor, Tensor, Tensor]:
    """The likeliest hypotheses that are one label longer.

    The library normalizes all logits and sorts V labels of K hypotheses at once. It is less work to take the best
    labels of each hypothesis first, since no other can be among the best of all.

    Args:
        logits: (B * K, V), overwritten.
        scores: (B, K), log-probabilities of the hypotheses so far.
        number: how many.

    Returns:
        Their log-probabilities, the hypotheses they continue, and their last labels, (B, number) each.
    """
    each = min(number, logits.shape[1])
    best, labels = logits.topk(each)
    top = best[:, :1].clone()
    best = best - top - logits.sub_(top).exp_().sum(1, keepdim=True).log_()
    candidates = (best.view(*scores.shape, each) + scores.unsqueeze(2)).flatten(1)
    scored, places = candidates.topk(number)
    return scored, places // each, labels.view(len(scores), -1).gather(1, places)


def search_with_beams(writer: Writer, start: Tensor, config: Any) -> Tensor:
    """Beam search as the library defines it.

    Args:
        writer: scores the next label of each row.
        start: (B * K, T), what every row begins with.
        config: beams, penalty of length, when to stop early, how many to return.

    Returns:
        (B * hypotheses to return, steps of the longest of them)
    """
    beams, power, early = config.num_beams, config.length_penalty, config.early_stopping
    ends, prompt, longest = config._eos_token_tensor, start.shape[1], config.max_length
    written = start.view(-1, beams, prompt)
    places = torch.arange(len(written), device=start.device)
    scores = torch.full(written.shape[:2], NEVER, device=start.device)
    ended = Ended(scores.clone(), written, torch.zeros_like(written[..., 0]), int(config._pad_token_tensor or ends[0]))
    scores[:, 0] = 0.0
    done, labels = places < 0, start
    found: list[tuple[Tensor, Ended]] = []
    for length in range(prompt + 1, longest + 1):
        scored, parents, chosen = best_continuations(writer(labels), scores, max(2, 1 + len(ends)) * beams)
        candidates = torch.cat([pick(written, parents), chosen.unsqueeze(2)], 2)
        hits = (chosen.unsqueeze(2) == ends).any(2) | (length == longest)
        meant = hits & ~done.unsqueeze(1)
        if meant[:, :beams].any():
            meant[:, beams:] = False  # the rest is there in case that all of the best end
            new = (scored / (length - prompt) ** power).masked_fill(~meant, -torch.inf)
            ended = ended.merge(new, candidates, length - prompt)
        scores, order = (scored + hits * NEVER).topk(beams)
        written, parents = pick(candidates, order), parents.gather(1, order)
        to_come = (longest if early == "never" and power > 0 else length) - prompt
        worst = ended.scores.where(ended.is_full, NEVER).min(1).values
        done = done | (scores[:, 0] / to_come**power <= worst) | (ended.is_full.all(1) & (early is True))
        if hits.all() or done.all():
            break
        rows, going = parents + beams * torch.arange(len(written), device=start.device).unsqueeze(1), None
        if is_worth_dropping(done):
            found.append((places[done], ended.rows(done)))
            going = (~done).nonzero().squeeze(1)
            ended, places, done = ended.rows(going), places[going], done[going]
            written, scores, rows = written[going], scores[going], rows[going]
        writer.keep(going, rows.flatten())
        labels = written[..., -1:].flatten(0, 1)
    found.append((places, ended))
    order, number = torch.cat([places for places, _ in found]).argsort(), config.num_return_sequences
    steps = prompt + max(int(one.lengths[:, :number].max()) for _, one in found)
    ids = torch.cat([one.filled(max(steps, one.ids.shape[2]))[:, :number, :steps] for _, one in found])
    return ids[order].flatten(0, 1)


class RecurrentGenerationMixin(GenerationMixin):
    """`generate` for a model whose decoder carries a recurrent state."""

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
            generation_config.do_sample
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
        return Writer(self, encoder_outputs, past_key_values)  # type: ignore[arg-type]


def _says_what_the_config_says(rule: StoppingCriteria, config: Any) -> bool:
    """Whether a rule about where to stop is one that the configuration stands for."""
    if isinstance(rule, MaxLengthCriteria):
        return rule.max_length == config.max_length
    ends = config._eos_token_tensor
    return isinstance(rule, EosTokenCriteria) and torch.equal(rule.eos_token_id.to(ends.device), ends)


__all__ = ["RecurrentGenerationMixin"]
