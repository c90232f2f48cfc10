"""Configuration of the recurrent encoder-decoder with attention."""

from typing import Any

from huggingface_hub.dataclasses import strict
from transformers import PreTrainedConfig

CELL_TYPES = ("lstm", "gru")
ATTENTION_TYPES = ("additive", "dot", "general", "multi_head", "location", "none")
COUNTS = (
    *("vocab_size", "source_vocab_size", "input_feature_size", "embedding_size", "hidden_size"),
    *("num_hidden_layers", "num_encoder_layers", "num_attention_heads", "frame_stacking"),
)
SHARES = ("embedding_dropout", "dropout", "output_dropout", "recurrent_dropout", "word_dropout", "label_smoothing")
TOKENS = ("pad_token_id", "bos_token_id", "eos_token_id", "decoder_start_token_id")


@strict
class RecurrentSeq2SeqConfig(PreTrainedConfig):
    """Sizes and kinds of a recurrent encoder-decoder.

    Args:
        vocab_size: labels that the decoder can write, the special ones included.
        source_vocab_size: words that the encoder can read; none: the decoder's vocabulary serves both sides.
        input_feature_size: width of the vectors that the encoder reads instead of words (speech, frames); none: words.
        frame_stacking: how many neighbouring vectors the encoder reads side by side, as one.
        pyramid: whether each encoder layer after the first reads pairs of the last one's steps, so that time is halved
            every time (Chan et al., 2016, 3.1).
        backbone_config: configuration of a pretrained encoder ("model_type": "whisper") that reads the vectors first.
        freeze_backbone: whether its weights stay as they are.
        embedding_size: width of a word vector, on both sides; vectors are projected to it.
        hidden_size: width of the decoder's state and of the encoder's output. A bidirectional encoder gives half of it
            to each direction.
        num_hidden_layers: depth of the decoder, and of the encoder unless `num_encoder_layers` says otherwise.
        num_encoder_layers: depth of the encoder; none: as deep as the decoder.
        cell_type: "lstm" (Hochreiter and Schmidhuber, 1997) or "gru" (Cho et al., 2014).
        bidirectional: whether the encoder also reads from right to left.
        attention_type: one of additive, dot, general, multi_head, location, none.
        num_attention_heads: heads of "multi_head"; the other kinds have one.
        input_feeding: whether the last attentional vector is part of the next step's input (Luong et al., 2015, 3.3).
            Without it the whole target is read in one go while training.
        tie_word_embeddings: whether the output layer is the target embedding (Press and Wolf, 2017).
        share_embeddings: whether source and target words also share that matrix. Needs a common vocabulary.
        embedding_dropout: share of the word vectors' elements set to zero.
        dropout: the same for the output of each recurrent layer, the encoder's included.
        output_dropout: the same for the vector from which the next label is predicted.
        recurrent_dropout: share of the recurrent weights set to zero, others in each batch (Merity et al., 2018, 2).
        word_dropout: share of input words whose whole vector is set to zero (Gal and Ghahramani, 2016, 4.2).
        variational_dropout: whether the mask of `dropout` is drawn once per sequence instead of once per step
            (Gal and Ghahramani, 2016).
        label_smoothing: probability mass spread over the vocabulary in the training loss (Szegedy et al., 2016, 7).
        initializer_range: standard deviation of fresh word vectors.
        first_pointer: from this id on labels are no words but moments of the source: `first_pointer + s` is when its
            step `s` begins. None: there are none.

    >>> RecurrentSeq2SeqConfig(vocab_size=100, cell_type="gru").hidden_size
    256
    """

    model_type = "recurrent_seq2seq"
    keys_to_ignore_at_inference = ["past_key_values", "encoder_last_hidden_state", "cross_attentions"]
    attribute_map = {"d_model": "hidden_size"}

    vocab_size: int = 4000
    source_vocab_size: int | None = None
    input_feature_size: int | None = None
    frame_stacking: int = 1
    pyramid: bool = False
    backbone_config: dict[str, Any] | None = None
    freeze_backbone: bool = True
    embedding_size: int = 256
    hidden_size: int = 256
    num_hidden_layers: int = 1
    num_encoder_layers: int | None = None
    cell_type: str = "lstm"
    bidirectional: bool = True
    attention_type: str = "general"
    num_attention_heads: int = 4
    input_feeding: bool = False
    tie_word_embeddings: bool = False
    share_embeddings: bool = False
    embedding_dropout: float | int = 0.1
    dropout: float | int = 0.1
    output_dropout: float | int = 0.1
    recurrent_dropout: float | int = 0.0
    word_dropout: float | int = 0.0
    variational_dropout: bool = False
    label_smoothing: float | int = 0.0
    initializer_range: float | int = 0.1
    first_pointer: int | None = None
    is_encoder_decoder: bool = True
    use_cache: bool = True
    # Not 0: beam search reads `pad_token_id or eos_token_id` and would fill finished rows with <eos>.
    pad_token_id: int | None = 3
    bos_token_id: int | None = 1
    eos_token_id: int | list[int] | None = 2
    decoder_start_token_id: int | None = 1

    def __post_init__(self, **kwargs: object) -> None:
        super().__post_init__(**kwargs)
        _choice("cell_type", self.cell_type, CELL_TYPES)
        _choice("attention_type", self.attention_type, ATTENTION_TYPES)
        for name in COUNTS:
            if getattr(self, name) is not None and getattr(self, name) < 1:
                raise ValueError(f"`{name}` must be at least 1, but is {getattr(self, name)}.")
        for name in SHARES:
            if not 0 <= getattr(self, name) < 1:
                raise ValueError(f"`{name}` must be at least 0 and below 1, but is {getattr(self, name)}.")
        if self.bidirectional and self.hidden_size % 2:
            raise ValueError(
                f"`hidden_size` must be even for a bidirectional encoder, but is {self.hidden_size}. "
                "Each direction gets half of it."
            )
        if self.attention_type == "multi_head" and self.hidden_size % self.num_attention_heads:
            raise ValueError(
                f"`num_attention_heads` must divide `hidden_size` ({self.hidden_size}), "
                f"but is {self.num_attention_heads}."
            )
        self._agree_on_source()
        for name in TOKENS:
            given = getattr(self, name)
            for token in given if isinstance(given, list) else [given]:
                if token is not None and not 0 <= token < self.spelt_words:
                    raise ValueError(
                        f"`{name}` must be one of the {self.spelt_words} labels, counted from 0, but is {token}."
                    )

    def _agree_on_source(self) -> None:
        """Refuses what fits words together with what fits vectors."""
        vectors = [name for name in ("input_feature_size", "backbone_config") if getattr(self, name) is not None]
        if vectors and self.source_vocab_size is not None:
            raise ValueError(
                f"`source_vocab_size` ({self.source_vocab_size}) and `{vectors[0]}` ({getattr(self, vectors[0])}) "
                "exclude each other: the encoder reads words or vectors. Leave one unset."
            )
        if self.reads_words and (self.frame_stacking > 1 or self.pyramid):
            raise ValueError(
                f"`frame_stacking` ({self.frame_stacking}) and `pyramid` ({self.pyramid}) shorten vectors, but the "
                "encoder reads words. Give `input_feature_size`, or leave both unset."
            )
        if self.first_pointer is not None and (self.reads_words or not 0 < self.first_pointer < self.vocab_size):
            raise ValueError(
                f"`first_pointer` must be below `vocab_size` ({self.vocab_size}) and needs vectors to point at, but is "
                f"{self.first_pointer}. Give `input_feature_size`, and as many labels after it as there are moments."
            )
        if self.share_embeddings and (self.source_vocab_size or vectors or not self.tie_word_embeddings):
            raise ValueError(
                "`share_embeddings` needs words of one common vocabulary on both sides and `tie_word_embeddings`. "
                "Leave `source_vocab_size` and `input_feature_size` unset and tie the output layer too."
            )

    @property
    def reads_words(self) -> bool:
        """Whether the source is words, and not vectors."""
        return self.input_feature_size is None and self.backbone_config is None

    @property
    def spelt_words(self) -> int:
        """Labels that stand for themselves, and do not point."""
        return self.vocab_size if self.first_pointer is None else self.first_pointer

    @property
    def encoder_layers(self) -> int:
        """Depth of the encoder."""
        return self.num_hidden_layers if self.num_encoder_layers is None else self.num_encoder_layers

    @property
    def readout_size(self) -> int:
        """Width of the vector from which the next label is predicted: a tied output layer wants word vectors."""
        return self.embedding_size if self.tie_word_embeddings else self.hidden_size


def _choice(name: str, value: str, known: tuple[str, ...]) -> None:
    if value not in known:
        raise ValueError(f"`{name}` must be one of {', '.join(known)}, but is {value!r}.")


__all__ = ["ATTENTION_TYPES", "CELL_TYPES", "RecurrentSeq2SeqConfig"]
