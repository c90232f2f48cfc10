"""The recurrent decoder: reads the labels so far, looks at the source, and says what comes next.

Shapes: `B` rows, `S` source steps, `T` target steps, `D` width of a state, `R` width of the readout, `L` layers.
"""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

from .configuration_recurrent_seq2seq import RecurrentSeq2SeqConfig
from .layers_attention import make_attention
from .layers_decoding import DecodingWeights, is_plain
from .layers_dropout import SequenceDropout, WordEmbedding, dropped_weights
from .layers_loop import LoopCell, LoopLinear, run_layer
from .layers_pointer import MomentPointer
from .layers_recurrent import RecurrentEncoderOutput, recurrent_layer

Chooser = Callable[[Tensor, Tensor | None], Tensor]
"""From vectors (B, 1, R), and the latest moments (B, 1) where labels can be moments, to labels (B, 1)."""


class RecurrentDecoder(nn.Module):
    """A stack whose lowest layer asks, whose upper layers read the answer too (Wu et al., 2016, section 3).

    The lowest layer does not read the answer, so while training the whole target goes through each layer in one call.
    Two choices need a step at a time, since there the last answer is part of the next question: `input_feeding`
    (Luong et al., 2015, section 3.3) and attention of type "location"; scheduled sampling is the third. Both ways give
    the same numbers.
    """

    def __init__(self, config: RecurrentSeq2SeqConfig) -> None:
        super().__init__()
        size, layers = config.hidden_size, config.num_hidden_layers
        self.cell_type, self.attention_type = config.cell_type, config.attention_type
        self.input_feeding, self.readout_size = config.input_feeding, config.readout_size
        self.embed_tokens = WordEmbedding(
            config.spelt_words,
            config.embedding_size,
            config.pad_token_id,
            word_dropout=config.word_dropout,
            dropout=config.embedding_dropout,
        )
        self.bridge = nn.ModuleDict({"hidden": nn.Linear(size, layers * size)})
        if config.cell_type == "lstm":
            self.bridge["cell"] = nn.Linear(size, layers * size)
        bottom = config.embedding_size + (config.readout_size if config.input_feeding else 0)
        self.layers: Sequence[nn.RNNBase] = nn.ModuleList(  # type: ignore[assignment]
            recurrent_layer(config.cell_type, 2 * size if above else bottom, size) for above in range(layers)
        )
        self.attention = make_attention(config.attention_type, size, config.num_attention_heads)
        self.pointer = None if config.first_pointer is None else MomentPointer(config)
        self.readout = nn.Linear(2 * size, config.readout_size)
        self.dropout = SequenceDropout(config.dropout, variational=config.variational_dropout)
        self.recurrent_dropout = config.recurrent_dropout
        self.decoding = DecodingWeights()
        self.output_dropout = SequenceDropout(config.output_dropout, variational=config.variational_dropout)

    def forward(
        self,
        input_ids: Tensor,
        encoded: RecurrentEncoderOutput,
        state: dict[str, Tensor],
        *,
        choose: tuple[float, Chooser] | None = None,
    ) -> tuple[Tensor, Tensor | None, dict[str, Tensor]]:
        """Reads labels and gives, for each, the vector from which the next one is predicted.

        Args:
            input_ids: (B, T); B is a multiple of the sentences in `encoded`: that many rows in a row share one.
            encoded: the source.
            state: what the last call returned; empty at the start.
            choose: scheduled sampling (Bengio et al., 2015): how often, per token, the decoder reads its own choice
                instead of the label, and what makes choices of vectors.

        Returns:
            Vectors (B, T, R), attention weights (B, T, S) or none, and the state after the last label.
        """
        state = state or self.start(encoded, len(input_ids))
        needs_steps = choose is not None or self.input_feeding or self.attention_type == "location"
        with dropped_weights(self.layers, self.recurrent_dropout):
            if input_ids.shape[1] > 1 and not needs_steps:
                vectors, weights, state = self._read(input_ids, encoded, state)
            else:
                vectors, weights, state = self._read_by_step(input_ids, encoded, state, choose)
        return self.output_dropout(vectors), None if self.attention_type == "none" else weights, state

    def embed(self, input_ids: Tensor, encoded: RecurrentEncoderOutput) -> Tensor:
        """What is read of labels: (B, T) to (B, T, E)."""
        if self.pointer is None:
            return self.embed_tokens(input_ids)
        words = self.embed_tokens(input_ids.clamp(max=self.pointer.first - 1))
        return self.pointer.read(input_ids, words, encoded)

    def with_moments(self, words: Tensor, vectors: Tensor, latest: Tensor, encoded: RecurrentEncoderOutput) -> Tensor:
        """The scores of words (B, T, W), and after them those that the pointer gives to moments."""
        return torch.cat([words, self.pointer(vectors, latest, encoded)], -1)  # type: ignore[misc]

    def start(self, encoded: RecurrentEncoderOutput, rows: int) -> dict[str, Tensor]:
        """The state before the first label, from the encoder's last one: tensors (B, L, D) by name."""
        contexts = {"hidden": encoded.context, "cell": encoded.context_cell}
        state = {
            name: bridge(contexts[name]).tanh().unflatten(1, (len(self.layers), -1))
            for name, bridge in self.bridge.items()
        }
        if self.input_feeding:
            state["feed"] = encoded.context.new_zeros(len(encoded.context), self.readout_size)
        if self.attention_type == "location":
            state["seen"] = encoded.context.new_zeros(encoded.attention_mask.shape)
        if self.pointer is not None:
            state["latest"] = encoded.context.new_full((len(encoded.context), 1), -1, dtype=torch.long)
        return {name: tensor.repeat_interleave(rows // len(tensor), 0) for name, tensor in state.items()}

    def _read(
        self, input_ids: Tensor, encoded: RecurrentEncoderOutput, state: dict[str, Tensor]
    ) -> tuple[Tensor, Tensor, dict[str, Tensor]]:
        """All given steps, (B, T, ·), one layer after the other."""
        finals = []
        answer: Tensor | None = None
        lower = self.embed(input_ids, encoded)
        for index, layer in enumerate(self.layers):
            output, after = run_layer(layer, lower, tuple(state[name][:, index] for name in self.bridge))
            finals.append(after)
            output = self.dropout(output)
            if answer is None:
                answer, weights = self.attend(output, encoded, state)
            lower = torch.cat([output, answer], -1)
        vectors = self.decoding.through(self.readout, lower).tanh()
        recurrent = [torch.stack(tensors, 1) for tensors in zip(*finals, strict=True)]
        return vectors, weights, self.after(state, input_ids, recurrent, vectors[:, -1], weights)

    def attend(self, query: Tensor, encoded: RecurrentEncoderOutput, state: dict[str, Tensor]) -> tuple[Tensor, Tensor]:
        """Asks for all steps of all rows that share a sentence at once, so that its keys are never copied."""
        keys, values, mask = encoded.keys, encoded.last_hidden_state, encoded.attention_mask
        if self.attention_type == "none":
            keys = values = encoded.context.unsqueeze(1)
        shared = query.reshape(len(mask), -1, query.shape[-1])
        if self.attention_type == "location":
            value, weights = self.attention(shared, keys, values, mask, state["seen"].reshape(*shared.shape[:2], -1))
        else:
            value, weights = self.attention(shared, keys, values, mask)
        return value.reshape(*query.shape[:2], -1), weights.reshape(*query.shape[:2], -1)

    def _read_by_step(
        self,
        input_ids: Tensor,
        encoded: RecurrentEncoderOutput,
        state: dict[str, Tensor],
        choose: tuple[float, Chooser] | None,
    ) -> tuple[Tensor, Tensor, dict[str, Tensor]]:
        """The same one step after the other, for whatever feeds a step's answer into the next question."""
        words = self.embed(input_ids, encoded)
        own = torch.zeros(input_ids.shape, dtype=torch.bool)
        if choose is not None:
            own = torch.rand(input_ids.shape, device=input_ids.device) < choose[0]
        steps = DecoderSteps(self)
        ahead = steps.cells[0].ahead(words) if choose is None else None
        masks = [self.dropout.masks(words, self.readout.in_features // 2) for _ in self.layers]
        vectors: list[Tensor] = []
        weights: list[Tensor] = []
        latest: list[Tensor] = []
        for step, (read, word) in enumerate(zip(input_ids.split(1, 1), words.unbind(1), strict=True)):
            if step and choose is not None and own[:, step].any():
                with torch.no_grad():
                    chosen = choose[1](self.output_dropout(vectors[-1].unsqueeze(1)), state.get("latest"))
                read = torch.where(own[:, step, None], chosen, read)
                word = torch.where(own[:, step, None], self.embed(chosen, encoded)[:, 0], word)
            given = ahead[step] if ahead else None
            dropped = [mask[step] if mask else None for mask in masks]
            vector, weight, state = steps(read, None if ahead else word, encoded, state, given, dropped)
            vectors.append(vector)
            weights.append(weight)
            latest += [state["latest"]] if self.pointer is not None else []
        if latest:
            state["latest"] = torch.cat(latest, 1)
        return torch.stack(vectors, 1), torch.cat(weights, 1), state

    def after(
        self, state: dict[str, Tensor], read: Tensor, recurrent: list[Tensor], vector: Tensor, weights: Tensor
    ) -> dict[str, Tensor]:
        """The state after labels (B, T): (B, L, D) of each bridge, what was read out, looked at and pointed at."""
        new = dict(zip(self.bridge, recurrent, strict=True))
        if self.input_feeding:
            new["feed"] = vector
        if self.attention_type == "location":
            new["seen"] = state["seen"] + weights.sum(1)
        if self.pointer is not None:
            new["latest"] = self.pointer.latest(read, state["latest"])
        return new


class DecoderSteps:
    """A decoder for the time of one loop: what does not change from step to step is prepared once.

    Args:
        decoder: whose weights are used.
    """

    def __init__(self, decoder: RecurrentDecoder) -> None:
        self.decoder, size = decoder, decoder.readout.in_features // 2
        # While training, weights of which some are dropped are gone after the loop, and so must be their copies.
        decoding = DecodingWeights() if decoder.training else decoder.decoding
        bottom = [decoder.embed_tokens.embedding_dim, *([decoder.readout_size] if decoder.input_feeding else [])]
        self.cells = [
            LoopCell(layer, [size, size] if above else bottom, decoding) for above, layer in enumerate(decoder.layers)
        ]
        self.read_out: Callable[[Tensor, Tensor], Tensor] = lambda _, vectors: decoder.readout(vectors)
        if is_plain(decoder.readout):
            self.read_out = LoopLinear(decoder.readout.weight, decoding)

    def __call__(
        self,
        read: Tensor,
        word: Tensor | None,
        encoded: RecurrentEncoderOutput,
        state: dict[str, Tensor],
        given: Tensor | None = None,
        masks: Sequence[Tensor | None] | None = None,
    ) -> tuple[Tensor, Tensor, dict[str, Tensor]]:
        """One step.

        Args:
            read: (B, 1) labels.
            word: (B, E), their vectors.
            encoded: the source.
            state: where each row stands.
            given: (B, gates), what the lowest cell makes of the vectors, in place of them.
            masks: (B, D), what dropout leaves of each layer's output; none: all of it.

        Returns:
            Vectors (B, R), attention weights (B, 1, S), and the state after the step.
        """
        decoder, new = self.decoder, []
        lower = [] if word is None else [word]
        if decoder.input_feeding:
            lower.append(state["feed"])
        answer: Tensor | None = None
        for index, (cell, mask) in enumerate(zip(self.cells, masks or [None] * len(self.cells), strict=True)):
            new.append(cell(lower, tuple(state[name][:, index] for name in decoder.bridge), given))
            output = new[-1][0] if mask is None else new[-1][0] * mask
            if answer is None:
                answer, weights = decoder.attend(output.unsqueeze(1), encoded, state)
                answer = answer[:, 0]
            lower, given = [output, answer], None
        vector = self.read_out(decoder.readout.bias, torch.cat(lower, -1)).tanh()
        recurrent = [torch.stack(tensors, 1) for tensors in zip(*new, strict=True)]
        return vector, weights, decoder.after(state, read, recurrent, vector, weights)


__all__ = ["DecoderSteps", "RecurrentDecoder"]
