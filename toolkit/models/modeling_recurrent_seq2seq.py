"""The recurrent encoder-decoder with attention, as a model that `generate`, `Trainer` and the Auto classes know.

Shapes: `B` batch, `S` source steps, `T` target steps, `D` width of a vector, `L` layers, `V` vocabulary.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from transformers import PreTrainedModel
from transformers import initialization as init
from transformers.modeling_outputs import Seq2SeqLMOutput

from .configuration_recurrent_seq2seq import RecurrentSeq2SeqConfig
from .generation_recurrent import RecurrentGenerationMixin
from .layers_backbone import load_backbone
from .layers_decoder import Chooser, RecurrentDecoder
from .layers_decoding import is_plain
from .layers_output import projected_cross_entropy
from .layers_recurrent import RecurrentEncoder, RecurrentEncoderOutput, RecurrentState


class RecurrentSeq2SeqPreTrainedModel(PreTrainedModel):
    """Initialisation, shared by the models of this file."""

    config_class = RecurrentSeq2SeqConfig
    base_model_prefix = "model"
    _is_stateful = True  # a recurrent state cannot be cropped: refuses assisted generation

    @torch.no_grad()
    def _init_weights(self, module: nn.Module) -> None:
        """Orthogonal recurrences (Saxe et al., 2014), Glorot elsewhere, forget gates open (Jozefowicz et al., 2015).

        The library's own choice, normal with 0.02, starves additive attention.
        """
        if isinstance(module, nn.RNNBase):
            for name, weight in module.named_parameters():
                gates = weight.chunk(weight.shape[0] // module.hidden_size)
                if getattr(weight, "_is_hf_initialized", False):
                    continue
                if name.startswith("bias"):
                    init.zeros_(weight)
                    if isinstance(module, nn.LSTM) and name.startswith("bias_ih"):
                        gates[1].fill_(1.0)
                else:
                    for gate in gates:
                        (init.orthogonal_ if name.startswith("weight_hh") else init.xavier_uniform_)(gate)
        elif isinstance(module, nn.Linear | nn.Conv1d | nn.Conv2d):
            init.xavier_uniform_(module.weight)
            if module.bias is not None:
                init.zeros_(module.bias)
        elif isinstance(module, nn.GroupNorm):
            init.ones_(module.weight)
            init.zeros_(module.bias)
        elif isinstance(module, nn.Embedding):
            init.normal_(module.weight, 0.0, self.config.initializer_range)
            if module.padding_idx is not None and not getattr(module.weight, "_is_hf_initialized", False):
                module.weight[module.padding_idx].zero_()


class RecurrentSeq2SeqForConditionalGeneration(RecurrentSeq2SeqPreTrainedModel, RecurrentGenerationMixin):
    """Reads a sequence of words or vectors, then writes labels one by one until the end-of-sequence label.

    >>> config = RecurrentSeq2SeqConfig(vocab_size=20, embedding_size=8, hidden_size=8)
    >>> model = RecurrentSeq2SeqForConditionalGeneration(config).eval()
    >>> model(input_ids=torch.tensor([[5, 6, 7]]), labels=torch.tensor([[8, 2]])).logits.shape
    torch.Size([1, 2, 20])
    """

    accepts_loss_kwargs = True

    def __init__(self, config: RecurrentSeq2SeqConfig) -> None:
        super().__init__(config)
        self.encoder = RecurrentEncoder(config)
        self.main_input_name = self.encoder.main_input_name
        self.decoder = RecurrentDecoder(config)
        self.lm_head = nn.Linear(config.readout_size, config.spelt_words)
        self.teacher_forcing_ratio = 1.0
        self._tied_weights_keys = {"lm_head.weight": "decoder.embed_tokens.weight"}
        if config.share_embeddings:
            self._tied_weights_keys["encoder.embed_tokens.weight"] = "decoder.embed_tokens.weight"
        self.post_init()

    def train(self, mode: bool = True) -> "RecurrentSeq2SeqForConditionalGeneration":
        """As in torch; what is kept of a weight is dropped, since fused optimizers change weights unseen."""
        self.decoder.decoding.forget()
        return super().train(mode)

    def get_encoder(self, modality: str | None = None) -> nn.Module:
        """The part that reads."""
        return self.encoder

    def get_decoder(self) -> nn.Module:
        """The part that writes."""
        return self.decoder

    def get_input_embeddings(self) -> nn.Module:
        """The vectors of the words that the decoder reads."""
        return self.decoder.embed_tokens

    def set_input_embeddings(self, value: nn.Module) -> None:
        """Replaces the decoder's word vectors."""
        self.decoder.embed_tokens = value  # type: ignore[assignment]

    def _resize_token_embeddings(self, *sizes: object) -> nn.Embedding:
        """Lets the encoder's words follow the decoder's where both sides have one vocabulary."""
        if self.config.first_pointer is not None:
            raise ValueError(
                f"Words cannot be added to a model whose ids from {self.config.first_pointer} on are moments. "
                "Make a fresh one with a larger `first_pointer` and `vocab_size`."
            )
        words = super()._resize_token_embeddings(*sizes)
        if self.config.source_vocab_size is None and self.config.reads_words:
            read = self._get_resized_embeddings(self.encoder.embed_tokens, words.num_embeddings)
            self.encoder.embed_tokens = read  # type: ignore[assignment]
        return words

    def get_output_embeddings(self) -> nn.Module:
        """The output layer."""
        return self.lm_head

    def encode(self, **inputs: Tensor) -> RecurrentEncoderOutput:
        """Reads a batch and hands the context on: `generate(encoder_outputs=...)` goes on from there.

        Args:
            **inputs: `input_ids`, `input_features`, `encoder_features` or `inputs_embeds`, and `attention_mask`.
        """
        return self.encoder(**inputs)

    def backbone_features(self, input_features: Tensor, attention_mask: Tensor | None = None) -> dict[str, Tensor]:
        """What a frozen backbone makes of a batch: computed once, it stands for the batch ever after.

        Args:
            input_features: (B, S, width)
            attention_mask: (B, S), 1 at real steps.

        Returns:
            `encoder_features` and their `attention_mask`, for `forward`, `encode` and `generate` in place of the two.
        """
        mask = self.encoder.real_steps(input_features, attention_mask)
        features, mask = self.encoder.reader.through_backbone(input_features, mask)
        return {"encoder_features": features, "attention_mask": mask}

    @classmethod
    def with_backbone(
        cls, config: RecurrentSeq2SeqConfig, name_or_path: str
    ) -> "RecurrentSeq2SeqForConditionalGeneration":
        """A fresh model over a pretrained model's encoder.

        Args:
            config: sizes of what is fresh; its `freeze_backbone` says whether the encoder is trained too.
            name_or_path: a folder or Hub id of a Whisper model.
        """
        given = config.to_dict()
        given["backbone_config"], weights = load_backbone(name_or_path)
        model = cls(type(config).from_dict(given))
        model.encoder.reader.backbone.load_state_dict(weights)
        return model

    def prepare_decoder_input_ids_from_labels(self, labels: Tensor) -> Tensor:
        """Shifts the target to the right: at each step the decoder reads what it should have written before."""
        start = labels.new_full((len(labels), 1), self.config.decoder_start_token_id)
        return torch.cat([start, labels[:, :-1].masked_fill(labels[:, :-1] == -100, self.config.pad_token_id)], 1)

    def forward(
        self,
        input_ids: Tensor | None = None,
        attention_mask: Tensor | None = None,
        decoder_input_ids: Tensor | None = None,
        labels: Tensor | None = None,
        input_features: Tensor | None = None,
        encoder_features: Tensor | None = None,
        inputs_embeds: Tensor | None = None,
        encoder_outputs: RecurrentEncoderOutput | None = None,
        past_key_values: RecurrentState | None = None,
        use_cache: bool | None = None,
        output_attentions: bool | None = None,
        output_hidden_states: bool | None = None,
        return_dict: bool | None = None,
        num_items_in_batch: Tensor | int | None = None,
        logits_to_keep: int = 0,
    ) -> Seq2SeqLMOutput:
        """Scores the next label at every step of the decoder's input.

        Args:
            input_ids: (B, S) words, or `input_features`, `encoder_features` or `inputs_embeds`.
            attention_mask: (B, S), 1 at real source steps; padding stands at the end.
            decoder_input_ids: (B, T); none: the labels, shifted.
            labels: (B, T), -100 where nothing is to be predicted. With labels the loss is the mean over all real ones,
                smoothed while training; the output then has no logits while training, as nobody reads them.
            input_features: (B, S, width)
            encoder_features: (B, S, size), what `backbone_features` gave.
            inputs_embeds: (B, S, embedding_size)
            encoder_outputs: what `encode` gave, for one row per sentence; several rows of `decoder_input_ids` in a row
                may belong to one sentence, as the hypotheses of beam search do.
            past_key_values: the state after the labels before `decoder_input_ids`.
            use_cache: whether to return the state.
            output_attentions: whether to return weights, one tuple entry of (B, 1, T, S).
            output_hidden_states: what `generate` asks of every model; this one returns the encoder's last states always
            return_dict: and answers by name always.
            num_items_in_batch: real labels in all batches of one optimizer step; the loss is divided by it.
            logits_to_keep: only the last so many steps are scored; 0: all.
        """
        if encoder_outputs is None:
            encoder_outputs = self.encoder(
                input_ids=input_ids,
                attention_mask=attention_mask,
                input_features=input_features,
                encoder_features=encoder_features,
                inputs_embeds=inputs_embeds,
            )
        if decoder_input_ids is None:
            if labels is None:
                raise ValueError("`decoder_input_ids` or `labels` must be given. To write freely call `generate`.")
            decoder_input_ids = self.prepare_decoder_input_ids_from_labels(labels)
        vectors, weights, state = self.decoder(
            decoder_input_ids,
            encoder_outputs,
            past_key_values.tensors if past_key_values is not None else {},
            choose=self._sampler(encoder_outputs),
        )
        if use_cache if use_cache is not None else self.config.use_cache and not self.training:
            past_key_values = RecurrentState() if past_key_values is None else past_key_values
            past_key_values.replace(state, decoder_input_ids.shape[1])
        latest = state.get("latest")
        loss = None if labels is None else self._loss(vectors, latest, encoder_outputs, labels, num_items_in_batch)
        skip_logits = self.training and labels is not None
        return Seq2SeqLMOutput(
            loss=loss,
            logits=None if skip_logits else self._logits(vectors, latest, encoder_outputs, logits_to_keep),
            past_key_values=past_key_values,  # type: ignore[arg-type]  # a state stands where keys and values would
            cross_attentions=(weights.unsqueeze(1),) if output_attentions and weights is not None else None,
            encoder_last_hidden_state=encoder_outputs.last_hidden_state,
        )

    def _logits(
        self, vectors: Tensor, latest: Tensor | None, encoded: RecurrentEncoderOutput, last_steps: int = 0
    ) -> Tensor:
        vectors = vectors[:, -last_steps:]
        words = self.decoder.decoding.through(self.lm_head, vectors)
        return words if latest is None else self.decoder.with_moments(words, vectors, latest[:, -last_steps:], encoded)

    def _loss(
        self,
        vectors: Tensor,
        latest: Tensor | None,
        encoded: RecurrentEncoderOutput,
        labels: Tensor,
        items: Tensor | int | None,
    ) -> Tensor:
        smoothing = self.config.label_smoothing if self.training else 0.0
        if latest is None and not is_plain(self.lm_head):
            logits = self.lm_head(vectors).transpose(1, 2)
            total = F.cross_entropy(logits, labels, reduction="sum", label_smoothing=smoothing)
        elif latest is None:
            total = projected_cross_entropy(
                vectors, self.lm_head.weight, self.lm_head.bias, labels, label_smoothing=smoothing
            )
        else:
            logits = self.decoder.with_moments(self.lm_head(vectors), vectors, latest, encoded)
            total = self.decoder.pointer.loss(logits, labels, encoded, smoothing)  # type: ignore[union-attr]
        return total / (labels.ne(-100).sum().clamp(min=1) if items is None else items)

    def _sampler(self, encoded: RecurrentEncoderOutput) -> tuple[float, Chooser] | None:
        """For scheduled sampling: how often the decoder reads its own choice, and what that is."""
        if not self.training or self.teacher_forcing_ratio >= 1:
            return None

        def choose(vectors: Tensor, latest: Tensor | None) -> Tensor:
            words = self.lm_head(vectors)
            return (words if latest is None else self.decoder.with_moments(words, vectors, latest, encoded)).argmax(-1)

        return 1 - self.teacher_forcing_ratio, choose


__all__ = ["RecurrentSeq2SeqForConditionalGeneration", "RecurrentSeq2SeqPreTrainedModel"]
