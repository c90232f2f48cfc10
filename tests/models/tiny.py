"""Models and sentences small enough to be built for one test, and large enough to disagree."""

from itertools import product

import pytest
import torch
from torch import Tensor

from toolkit.models import (
    ATTENTION_TYPES,
    CELL_TYPES,
    RecurrentSeq2SeqConfig,
    RecurrentSeq2SeqForConditionalGeneration,
)

SOS, EOS, PAD = 1, 2, 3
SOURCE_WORDS, TARGET_WORDS = 20, 12
QUICK = (("lstm", 1, False), ("gru", 2, True))
CORES = [
    pytest.param(
        dict(attention_type=kind, cell_type=cell, num_hidden_layers=layers, input_feeding=feeding),
        id=f"{kind}-{cell}-{layers}{'-feeding' if feeding else ''}",
        marks=() if (cell, layers, feeding) in QUICK else pytest.mark.slow,
    )
    for kind, cell, layers, feeding in product(ATTENTION_TYPES, CELL_TYPES, (1, 2), (False, True))
]
"""Every kind of core; all attentions with two of the rest by default, everything in the slow tier."""


def tiny_core(**settings: object) -> RecurrentSeq2SeqForConditionalGeneration:
    """A model in double precision without dropout, whose every weight, the biases included, has something to say."""
    sizes = dict(vocab_size=TARGET_WORDS, source_vocab_size=SOURCE_WORDS, embedding_size=6, hidden_size=8)
    still = dict(embedding_dropout=0.0, dropout=0.0, output_dropout=0.0)
    config = RecurrentSeq2SeqConfig(**{**sizes, **still, "num_attention_heads": 2, **settings})
    model = RecurrentSeq2SeqForConditionalGeneration(config).eval().double()
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for name, weight in model.named_parameters():
            weight.normal_(0.0, 0.2 if "bias" in name else 1.2, generator=generator)
        model.lm_head.bias[EOS] = 2.0  # so that some answers end before the limit
    return model


def sentences(*lengths: int, words: int = SOURCE_WORDS, extra: int = 0) -> dict[str, Tensor]:
    """Random words in rows of these lengths, padded to the longest and `extra` steps more."""
    generator = torch.Generator().manual_seed(2)
    ids = torch.full((len(lengths), max(lengths) + extra), PAD)
    for row, length in zip(ids, lengths, strict=True):
        row[:length] = torch.randint(PAD + 1, words, (length,), generator=generator)
    return {"input_ids": ids, "attention_mask": ids.ne(PAD).long()}


def targets(*lengths: int) -> Tensor:
    """Random labels in rows of these lengths, each closed by the end-of-sequence label, -100 after it."""
    ids = sentences(*lengths, words=TARGET_WORDS)["input_ids"]
    ids = torch.cat([ids, torch.full((len(ids), 1), PAD)], 1)
    ids[torch.arange(len(ids)), torch.tensor(lengths)] = EOS
    return ids.masked_fill(ids == PAD, -100)
