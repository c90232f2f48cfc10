"""The flags of the recurrent core, the same for whatever feeds it."""

from dataclasses import dataclass, field, fields

from toolkit.models import ATTENTION_TYPES, CELL_TYPES, RecurrentSeq2SeqConfig


@dataclass
class RecurrentCore:
    """Sizes and kinds of a fresh recurrent encoder-decoder; a pretrained model brings its own."""

    cell_type: str = field(default="lstm", metadata={"help": "Recurrent cell.", "choices": list(CELL_TYPES)})
    attention_type: str = field(
        default="general", metadata={"help": "How the decoder looks at the source.", "choices": list(ATTENTION_TYPES)}
    )
    embedding_size: int = field(default=256, metadata={"help": "Width of a word vector."})
    hidden_size: int = field(default=256, metadata={"help": "Width of the decoder's state and the encoder's output."})
    num_hidden_layers: int = field(default=1, metadata={"help": "Depth of decoder and encoder."})
    num_encoder_layers: int | None = field(default=None, metadata={"help": "Another depth for the encoder."})
    num_attention_heads: int = field(default=4, metadata={"help": "Heads of multi_head attention."})
    bidirectional: bool = field(default=True, metadata={"help": "Whether the encoder also reads backwards."})
    input_feeding: bool = field(
        default=False, metadata={"help": "Feed the last attentional vector into the next step; trains step by step."}
    )
    tie_word_embeddings: bool = field(
        default=False, metadata={"help": "One matrix for reading and writing words (and for the source, if shared)."}
    )
    embedding_dropout: float = field(default=0.1, metadata={"help": "Dropout of word vectors."})
    dropout: float = field(default=0.2, metadata={"help": "Dropout of each recurrent layer's output."})
    output_dropout: float = field(default=0.2, metadata={"help": "Dropout before the output layer."})
    recurrent_dropout: float = field(default=0.0, metadata={"help": "Share of the recurrent weights left out."})
    word_dropout: float = field(default=0.0, metadata={"help": "Share of input words left out while training."})
    variational_dropout: bool = field(default=True, metadata={"help": "One dropout mask per sequence, not per step."})

    def core_config(self, **given: object) -> RecurrentSeq2SeqConfig:
        """The configuration with these flags and what the data decides: `vocab_size`, token ids, ..."""
        flags = {own.name: getattr(self, own.name) for own in fields(RecurrentCore)}
        return RecurrentSeq2SeqConfig(**{**flags, **given})


__all__ = ["RecurrentCore"]
