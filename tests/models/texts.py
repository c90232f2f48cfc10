"""Tokenizers learnt from four sentences, and small models of several families with random weights that write them."""

from functools import cache

import torch
from transformers import (
    BartConfig,
    BartForConditionalGeneration,
    M2M100Config,
    M2M100ForConditionalGeneration,
    MarianConfig,
    MarianMTModel,
    MBartTokenizer,
    NllbTokenizer,
    PreTrainedModel,
    PreTrainedTokenizerBase,
    T5Config,
    T5ForConditionalGeneration,
)

from tests.models.tiny import EOS, PAD, SOS, tiny_core
from toolkit.adapters.tokenizers import train_tokenizer
from toolkit.models import Seq2SeqProcessor

SOURCES = ["a dog runs in the park", "the cat sleeps", "two dogs eat an apple and the cat eats a fish", "a man sleeps"]
TARGETS = ["ein hund rennt im park", "die katze schläft", "zwei hunde essen einen apfel", "ein mann schläft dort"]
PREFIX = "a cat eats "
HABITS = {
    "translation_en_to_de": {"prefix": PREFIX, "num_beams": 3, "max_length": 9},
    "summarization": {"prefix": "the man sleeps ", "num_beams": 2, "min_length": 4, "max_length": 8},
}
LABELS = dict(pad_token_id=PAD, eos_token_id=EOS, bos_token_id=SOS)


@cache
def processor() -> Seq2SeqProcessor:
    """One tokenizer for what is read, another for what is written."""
    source, target = (train_tokenizer(texts, kind="word") for texts in (SOURCES, TARGETS))
    return Seq2SeqProcessor(tokenizer=target, source_tokenizer=source)


@cache
def tokenizer() -> PreTrainedTokenizerBase:
    """One tokenizer for both, as the models of other families have it."""
    return train_tokenizer(SOURCES + TARGETS, kind="word")


def ours(**settings: object) -> PreTrainedModel:
    """A recurrent core over the two tokenizers of `processor`."""
    sizes = dict(vocab_size=len(processor().tokenizer), source_vocab_size=len(processor().source_tokenizer))
    model = tiny_core(**{"attention_type": "additive", "input_feeding": True, **sizes, **settings}).float()
    model.lm_head.bias.data[EOS] = 0.0
    return model


def foreign(family: str) -> PreTrainedModel:
    """A small model of another family, whose words all have a chance."""
    sizes = dict(vocab_size=len(tokenizer()), d_model=16, **LABELS)
    layers = dict(encoder_layers=2, decoder_layers=2, encoder_ffn_dim=16, decoder_ffn_dim=16)
    heads = dict(encoder_attention_heads=2, decoder_attention_heads=2, max_position_embeddings=64)
    if family == "t5":
        config = T5Config(**sizes, d_kv=8, d_ff=16, num_layers=2, num_heads=2, decoder_start_token_id=PAD)
        config.task_specific_params = HABITS
        model: PreTrainedModel = T5ForConditionalGeneration(config)
    elif family == "bart":
        model = BartForConditionalGeneration(
            BartConfig(**sizes, **layers, **heads, decoder_start_token_id=EOS, forced_eos_token_id=None)
        )
    else:
        model = MarianMTModel(
            MarianConfig(**sizes, **layers, **heads, decoder_start_token_id=PAD, forced_eos_token_id=None)
        )
    return shaken(model, 11)


@cache
def many_languages(family: str) -> tuple[PreTrainedModel, PreTrainedTokenizerBase]:
    """A model of many languages with a tokenizer that marks them."""
    pieces = [
        "<s>",
        "<pad>",
        "</s>",
        "<unk>",
        "▁",
        *sorted({letter for text in SOURCES for letter in text if letter > " "}),
    ]
    if family == "nllb":
        marks: PreTrainedTokenizerBase = NllbTokenizer(vocab={piece: id for id, piece in enumerate(pieces)}, merges=[])
    else:
        marks = MBartTokenizer(vocab=[(piece, -1.0) for piece in pieces])
    config = M2M100Config(
        **dict(vocab_size=len(marks), d_model=16, encoder_layers=1, decoder_layers=1, encoder_ffn_dim=16),
        **dict(decoder_ffn_dim=16, encoder_attention_heads=2, decoder_attention_heads=2, max_position_embeddings=64),
        **dict(pad_token_id=1, bos_token_id=0, eos_token_id=2, decoder_start_token_id=2),
    )
    return shaken(M2M100ForConditionalGeneration(config), 10), marks


def shaken(model: PreTrainedModel, seed: int) -> PreTrainedModel:
    """Random weights large enough to make the words differ."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for weight in model.parameters():
            if weight.requires_grad and weight.dim() > 1:
                weight.normal_(0.0, 1.0, generator=generator)
    return model.eval()
