"""Whisper computed by transformers."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from copy import copy
from functools import cached_property
from typing import Any

import torch
from torch import Tensor
from transformers import GenerationConfig, GenerationMixin, LogitsProcessor, LogitsProcessorList
from transformers.generation.logits_process import WhisperTimeStampLogitsProcessor
from transformers.modeling_outputs import BaseModelOutput

from toolkit.adapters.audio.alignment import heads_in, token_steps
from toolkit.adapters.audio.engines import Request, model_version
from toolkit.adapters.audio.engines_whisper import WhisperEngine
from toolkit.adapters.audio.languages import knows_languages
from toolkit.adapters.audio.whisper import complete
from toolkit.adapters.audio.written import Encoded, Written
from toolkit.media.values import Waveform


class TransformersEngine(WhisperEngine):
    """A `WhisperForConditionalGeneration` that encodes each window once, whatever is then asked about it.

    Args:
        model: on its device, in its precision.
        processor: its feature extractor and tokenizer.
    """

    def __init__(self, model: Any, processor: Any) -> None:
        config = model.generation_config
        self.model, self.extractor = model.eval(), processor.feature_extractor
        super().__init__(
            processor.tokenizer,
            multilingual=knows_languages(config, vocab_size=model.config.vocab_size),
            language=getattr(config, "language", None),
            task=getattr(config, "task", None),
            longest_seconds=float(self.extractor.chunk_length),
            positions=model.config.max_target_positions,
        )
        self.config: Any = copy(config)  # the model's own stays as it is
        complete(self.config, self.tokenizer, multilingual=self.multilingual)

    @cached_property
    def name(self) -> str:
        """See `Engine.name`."""
        return f"transformers {self.model.name_or_path} {self.model.dtype} {model_version(self.model)}"

    @torch.inference_mode()
    def encode(self, windows: Sequence[Waveform]) -> Encoded:
        """States (B, S, D); a window shorter than the model's own is filled with silence."""
        sounds = [window.samples.numpy() for window in windows]
        features = self.extractor(sounds, sampling_rate=self.sample_rate_hz, return_tensors="pt").input_features
        states = self.model.get_encoder()(features.to(self.model.device, self.model.dtype)).last_hidden_state
        return Encoded(windows, states)

    def take(self, encoded: Encoded, row: int) -> Encoded:
        """One window of a batch."""
        return Encoded(encoded.windows[row : row + 1], encoded.states[row : row + 1])

    @torch.inference_mode()
    def detect(self, encoded: Encoded) -> list[int]:
        """The likeliest language token after the start token."""
        output = BaseModelOutput(last_hidden_state=encoded.states)
        start = torch.full((len(encoded.windows), 1), self.start, device=self.model.device)
        logits = self.model(encoder_outputs=output, decoder_input_ids=start, use_cache=False).logits[:, -1]
        known = torch.tensor(sorted(self.config.lang_to_id.values()), device=logits.device)
        return known[logits[:, known].argmax(-1)].tolist()

    @torch.inference_mode()
    def write(self, encoded: Encoded, prompts: list[list[int]], temperature: float, request: Request) -> list[Written]:
        """`generate` of the base class over states and prompts; Whisper's own would encode the sound again.

        Draws begin at the same random numbers, so that the past never changes a text. Neighbours share them, and may
        change what is drawn, only where the first temperature is above 0: what is read again is alone in its batch.
        """
        config = self.config
        settings = {"num_beams": config.num_beams or 1, **request.generation}
        settings.pop("prompt_ids", None)
        settings |= {"max_length": len(prompts[0]) + self.room(prompts[0], request), "max_new_tokens": None}
        if temperature > 0:
            settings |= {"do_sample": True, "temperature": temperature, "num_beams": 1}
            settings = {"top_k": 0, **settings}
        length, tokens = len(prompts[0]), torch.tensor(prompts, device=self.model.device)
        scores = Scores(length)
        suppressed = settings.pop("suppress_tokens", config.suppress_tokens), config.begin_suppress_tokens
        processors: list[LogitsProcessor] = [Suppressed(*suppressed, length)]
        if request.timestamps:
            processors.append(WhisperTimeStampLogitsProcessor(config, begin_index=length))
        with self.first_step() as steps, torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            output: Any = GenerationMixin.generate(
                self.model,
                encoder_outputs=BaseModelOutput(last_hidden_state=encoded.states),
                decoder_input_ids=tokens,
                attention_mask=encoded.states.new_ones(encoded.states.shape[:2], dtype=torch.long),
                logits_processor=LogitsProcessorList([*processors, scores]),
                return_dict_in_generate=True,
                **{"suppress_tokens": None, "begin_suppress_tokens": None, **settings},
            )
        rows = output.sequences[:, length:].tolist()
        texts = [row[: row.index(self.end)] if self.end in row else row for row in rows]
        if settings["num_beams"] > 1:
            means = [
                self.mean_log_probability(encoded.states[row : row + 1], prompts[row], texts[row])
                for row in range(len(texts))
            ]
        else:
            means = scores.means(output.sequences, self.end).tolist()
        # A hook on the projection sees all positions of the prompt: no second pass for the probability of silence.
        start = prompts[0].index(self.start)
        silence = steps[0][:: steps[0].shape[0] // len(prompts), start].float().softmax(-1)[:, self.no_speech]
        finished = [self.end in row for row in rows]
        return [Written(*entry) for entry in zip(texts, means, silence.tolist(), finished, strict=True)]

    def mean_log_probability(self, states: Tensor, prompt: list[int], tokens: list[int]) -> float:
        """One more pass over a text: in beam search the library keeps all scores of all beams, or none."""
        ids = torch.tensor([[*prompt, *tokens, self.end]], device=states.device)
        output = BaseModelOutput(last_hidden_state=states)
        logits = self.model(encoder_outputs=output, decoder_input_ids=ids, use_cache=False).logits[0]
        chosen = logits[len(prompt) - 1 : -1].float().log_softmax(-1).gather(1, ids[0, len(prompt) :, None])
        return chosen.mean().item()

    @contextmanager
    def first_step(self) -> Iterator[list[Tensor]]:
        """Keeps the logits of the whole prompt, which `generate` drops."""
        steps: list[Tensor] = []

        def keep(module: Any, inputs: Any, logits: Tensor) -> None:
            if not steps:
                steps.append(logits)

        handle = self.model.get_output_embeddings().register_forward_hook(keep)
        try:
            yield steps
        finally:
            handle.remove()

    @torch.inference_mode()
    def align(self, one: Encoded, opening: list[int], tokens: list[int], steps: int) -> list[int]:
        """Reads the text once more, with the attention maps of the heads that follow the sound."""
        ids = torch.tensor([[*opening, self.no_timestamps, *tokens, self.end]], device=self.model.device)
        before = self.model.config._attn_implementation
        self.model.set_attn_implementation("eager")  # the fused kernels keep their weights to themselves
        try:
            maps = self.model(
                encoder_outputs=BaseModelOutput(last_hidden_state=one.states),
                decoder_input_ids=ids,
                output_attentions=True,
                use_cache=False,
            ).cross_attentions
        finally:
            self.model.set_attn_implementation(before)
        listed = getattr(self.model.generation_config, "alignment_heads", None)
        heads = heads_in(listed, len(maps), maps[0].shape[1])
        weights = torch.stack([maps[layer][0, head] for layer, head in heads])
        return token_steps(weights[..., :steps].float().cpu(), slice(len(opening), -1))

    def known_arguments(self) -> Callable[[str], bool]:
        """All of `generate`, and `prompt_ids`."""
        config = GenerationConfig()
        return lambda name: name == "prompt_ids" or (hasattr(config, name) and not name.startswith("_"))


class Suppressed(LogitsProcessor):
    """Tokens that are never written, and those that are not written first; the library searches them at every step.

    Args:
        always: ids of the former.
        first: ids of the latter.
        prompt_length: where the first step is.
    """

    def __init__(self, always: Sequence[int] | None, first: Sequence[int] | None, prompt_length: int) -> None:
        self.always = torch.tensor(always or [], dtype=torch.long)
        self.first = torch.tensor(first or [], dtype=torch.long)
        self.prompt_length = prompt_length

    def __call__(self, input_ids: Tensor, scores: Tensor) -> Tensor:
        """The scores with minus infinity at these tokens."""
        scores = scores.index_fill(1, self.always.to(scores.device), -torch.inf)
        if input_ids.shape[1] == self.prompt_length:
            scores = scores.index_fill(1, self.first.to(scores.device), -torch.inf)
        return scores


class Scores(LogitsProcessor):
    """Sums log-probabilities of what was chosen, without keeping scores over the vocabulary for each step."""

    def __init__(self, prompt_length: int) -> None:
        self.prompt_length = prompt_length
        self.chosen: list[Tensor] = []
        self.scores: Tensor | None = None
        self.total: Tensor | None = None

    def __call__(self, input_ids: Tensor, scores: Tensor) -> Tensor:
        """The scores as they came."""
        self.add(input_ids)
        self.scores, self.total = scores, scores.logsumexp(-1)
        return scores

    def add(self, input_ids: Tensor) -> None:
        """Notes what the last choice was worth."""
        if self.scores is not None and self.total is not None:
            self.chosen.append(self.scores.gather(1, input_ids[:, -1:])[:, 0] - self.total)

    def means(self, sequences: Tensor, end: int) -> Tensor:
        """(B,) mean log-probability up to and with the end token."""
        self.add(sequences)
        chosen = torch.stack(self.chosen, 1)
        written = sequences[:, self.prompt_length :]
        real = written.eq(end).cumsum(1) - written.eq(end).long() == 0
        return chosen.masked_fill(~real, 0).sum(1) / real.sum(1)


__all__ = ["TransformersEngine"]
