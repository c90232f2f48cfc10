"""The recurrent parts: one-layer cells, the encoder, and the state that `generate` carries.

Shapes: `B` batch, `S` source steps, `T` target steps, `D` width of a vector, `L` layers.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence
from transformers.cache_utils import Cache, CacheLayerMixin
from transformers.utils import ModelOutput

from .configuration_recurrent_seq2seq import RecurrentSeq2SeqConfig
from .layers_attention import make_key_projection
from .layers_dropout import SequenceDropout, WordEmbedding, dropped_weights
from .layers_features import FeatureReader, stack_frames
from .layers_padded import run_padded


def recurrent_layer(cell_type: str, input_size: int, hidden_size: int, *, bidirectional: bool = False) -> nn.RNNBase:
    """One LSTM or GRU layer; deeper stacks are lists of these, so that dropout and attention can stand in between."""
    kind = {"lstm": nn.LSTM, "gru": nn.GRU}[cell_type]
    return kind(input_size, hidden_size, batch_first=True, bidirectional=bidirectional)


@dataclass
class RecurrentEncoderOutput(ModelOutput):
    """What the decoder may know of the source. Every tensor is batch-first, because `generate` relies on it.

    Attributes:
        last_hidden_state: (B, S, D), 0 at padding.
        keys: (B, S, D), the same, as the attention compares it with its query: projected once per sentence.
        attention_mask: (B, S), true at real steps.
        context: (B, D), the state after the last real step, both directions side by side.
        context_cell: (B, D), the LSTM's memory cell at that step.
    """

    last_hidden_state: Tensor = None  # type: ignore[assignment]  # the library wants defaults; these four are always set
    keys: Tensor = None  # type: ignore[assignment]
    attention_mask: Tensor = None  # type: ignore[assignment]
    context: Tensor = None  # type: ignore[assignment]
    context_cell: Tensor | None = None
    hidden_states: tuple[Tensor, ...] | None = None
    attentions: tuple[Tensor, ...] | None = None


class RecurrentEncoder(nn.Module):
    """Reads words or vectors into one vector per step and one for the whole (Sutskever et al., 2014; Bahdanau, 2015).

    Wherever a batch has padding, the backward direction starts at each row's own last step.
    """

    def __init__(self, config: RecurrentSeq2SeqConfig) -> None:
        super().__init__()
        self.pad_token_id, self.pyramid = config.pad_token_id, config.pyramid
        size, ways = config.hidden_size, 2 if config.bidirectional else 1
        self.main_input_name = "input_ids" if config.reads_words else "input_features"
        if config.reads_words:
            self.embed_tokens = WordEmbedding(
                config.source_vocab_size or config.vocab_size,
                config.embedding_size,
                config.pad_token_id,
                word_dropout=config.word_dropout,
                dropout=config.embedding_dropout,
            )
        else:
            self.reader = FeatureReader(config)
        self.layers: Sequence[nn.RNNBase] = nn.ModuleList(  # type: ignore[assignment]
            recurrent_layer(
                config.cell_type,
                size * (1 + self.pyramid) if above else config.embedding_size,
                size // ways,
                bidirectional=ways == 2,
            )
            for above in range(config.encoder_layers)
        )
        self.dropout = SequenceDropout(config.dropout, variational=config.variational_dropout)
        self.recurrent_dropout = config.recurrent_dropout
        self.project_keys = make_key_projection(config.attention_type, size)

    @property
    def frames_per_step(self) -> int:
        """How many of the steps that come in make one that the decoder looks at."""
        read = self.reader.frames_per_step if self.main_input_name == "input_features" else 1
        return read * (2 ** (len(self.layers) - 1) if self.pyramid else 1)

    def forward(
        self,
        input_ids: Tensor | None = None,
        attention_mask: Tensor | None = None,
        input_features: Tensor | None = None,
        encoder_features: Tensor | None = None,
        inputs_embeds: Tensor | None = None,
        output_attentions: bool | None = None,
        output_hidden_states: bool | None = None,
        return_dict: bool | None = None,
    ) -> RecurrentEncoderOutput:
        """Reads one batch.

        Args:
            input_ids: (B, S) words, or
            attention_mask: (B, S), 1 at real steps; none: everything but `pad_token_id` is real. Padding is at the end.
            input_features: (B, S, width) vectors, or
            encoder_features: (B, S, size), what the backbone has made of them, or
            inputs_embeds: (B, S, embedding_size).
            output_attentions: what `generate` asks of every encoder; this one has no attention,
            output_hidden_states: returns its last states always,
            return_dict: and always by name.
        """
        given = next((x for x in (inputs_embeds, encoder_features, input_features, input_ids) if x is not None), None)
        if given is None:
            raise ValueError(f"`{self.main_input_name}` must be given, but there is nothing to read. Pass a batch.")
        mask = self.real_steps(given, attention_mask)
        if inputs_embeds is None and given is input_ids:
            given = self.embed_tokens(given)
        elif inputs_embeds is None:
            if encoder_features is None:
                given, mask = self.reader.through_backbone(given, mask)
            given, mask = self.reader(given, mask)
        with dropped_weights(self.layers, self.recurrent_dropout):
            output, mask, final = self._through_layers(given, mask)
        hidden, cell = final if isinstance(final, tuple) else (final, None)
        return RecurrentEncoderOutput(
            last_hidden_state=output,
            keys=self.project_keys(output),
            attention_mask=mask,
            context=_side_by_side(hidden),
            context_cell=None if cell is None else _side_by_side(cell),
        )

    def real_steps(self, given: Tensor, mask: Tensor | None) -> Tensor:
        """(B, S), true at real steps; refuses what the packing could not say."""
        if mask is None:
            mask = torch.ones(given.shape[:2], device=given.device)
            if given.dim() == 2 and self.pad_token_id is not None:
                mask = given.ne(self.pad_token_id)
        mask = mask.bool()
        if (mask[:, 1:] & ~mask[:, :-1]).any():
            raise ValueError(
                "`attention_mask` must be 1 at the start of a row and 0 after its end, but has a 0 before a 1. "
                "Pad on the right: `tokenizer.padding_side = 'right'`."
            )
        return mask

    def _through_layers(self, vectors: Tensor, mask: Tensor) -> tuple[Tensor, Tensor, Tensor | tuple[Tensor, Tensor]]:
        """The highest layer's steps, (B, S, D), their mask, and its final state."""
        for index, layer in enumerate(self.layers):
            if index and self.pyramid:
                vectors, mask = stack_frames(vectors, mask, 2)
            vectors, final = self._read(layer, vectors, mask.sum(1).clamp(min=1).cpu())
            vectors = self.dropout(vectors)
        return vectors, mask, final

    @staticmethod
    def _read(layer: nn.RNNBase, vectors: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor | tuple[Tensor, Tensor]]:
        """(B, S, D) and the final state of each row's own last step."""
        steps = vectors.shape[1]
        if lengths.min() == steps:  # nothing to skip: the plain kernel is a sixth faster than the packed one
            return layer(vectors)
        if vectors.device.type == "cpu" and torch.is_grad_enabled():
            return run_padded(layer, vectors, lengths)
        packed = pack_padded_sequence(vectors, lengths, batch_first=True, enforce_sorted=False)
        output, final = layer(packed)
        return pad_packed_sequence(output, batch_first=True, total_length=steps)[0], final


def _side_by_side(state: Tensor) -> Tensor:
    """(directions, B, D / directions) -> (B, D)."""
    return state.transpose(0, 1).flatten(1)


class RecurrentStateLayer(CacheLayerMixin):
    """All recurrent tensors of the decoder, batch-first, replaced at every step and never written in place."""

    is_compileable = False
    is_croppable = False
    supports_early_init = False
    is_sliding = False

    def __init__(self) -> None:
        super().__init__()
        self.tensors: dict[str, Tensor] = {}
        self.seen_tokens = 0

    def lazy_initialization(self, key_states: Tensor, value_states: Tensor) -> None:
        """Nothing to make: the tensors come with the first step."""
        self.is_initialized = True

    def update(self, key_states: dict[str, Tensor], value_states: int, *_: object, **__: object) -> tuple:  # type: ignore[override]
        """Takes the tensors after `value_states` more tokens."""
        self.tensors, self.is_initialized = key_states, True
        self.seen_tokens += value_states
        return key_states, value_states

    def get_seq_length(self) -> int:
        """How many tokens the state has read."""
        return self.seen_tokens

    def get_max_length(self) -> int:
        """No limit."""
        return -1

    def get_mask_sizes(self, query_length: int) -> tuple[int, int]:
        """Length and offset a causal mask would have."""
        return self.seen_tokens + query_length, 0

    def reset(self) -> None:
        """Forgets everything."""
        self.tensors, self.seen_tokens, self.is_initialized = {}, 0, False

    def reorder_cache(self, beam_idx: Tensor) -> None:
        """Gives each hypothesis the state of the one it continues."""
        self.tensors = {name: tensor.index_select(0, beam_idx) for name, tensor in self.tensors.items()}

    def batch_repeat_interleave(self, repeats: int) -> None:
        """Copies each row `repeats` times, side by side."""
        self.tensors = {name: tensor.repeat_interleave(repeats, 0) for name, tensor in self.tensors.items()}

    def batch_select_indices(self, indices: Tensor) -> None:
        """Keeps the named rows."""
        self.tensors = {name: tensor[indices] for name, tensor in self.tensors.items()}


class RecurrentState(Cache):
    """The decoder's state between two steps of `generate`, under the name `past_key_values`."""

    def __init__(self) -> None:
        self._state = RecurrentStateLayer()
        super().__init__(layers=[self._state])

    @property
    def tensors(self) -> dict[str, Tensor]:
        """The state by name; empty before the first step."""
        return self._state.tensors

    def replace(self, tensors: dict[str, Tensor], new_tokens: int) -> None:
        """Takes the state after `new_tokens` more steps."""
        self._state.update(tensors, new_tokens)


__all__ = ["RecurrentEncoder", "RecurrentEncoderOutput", "RecurrentState", "recurrent_layer"]
