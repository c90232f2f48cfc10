"""What was saved is what is loaded, in safetensors; what is missing or fresh starts as the papers say."""

import json

import pytest
import torch
from safetensors import safe_open
from torch import nn
from transformers import AutoConfig, AutoModelForSeq2SeqLM

from tests.models.tiny import EOS, PAD, SOS, sentences, targets, tiny_core
from toolkit.models import ATTENTION_TYPES, RecurrentSeq2SeqConfig, RecurrentSeq2SeqForConditionalGeneration
from toolkit.models.layers_dropout import WordEmbedding

BATCH, LABELS = sentences(5, 3), targets(4, 2)
SHARED = dict(tie_word_embeddings=True, share_embeddings=True, source_vocab_size=None, vocab_size=20)
TIES = {
    "untied": dict(),
    "of one vocabulary": dict(source_vocab_size=None, vocab_size=20),
    "tied": dict(tie_word_embeddings=True),
    "shared": SHARED,
}


def same(one: nn.Module, other: nn.Module) -> bool:
    """Every weight is equal; answers may differ in the last digit, as a file's weights lie elsewhere in memory."""
    weights, others = one.state_dict(), other.state_dict()
    answers = (model(**BATCH, labels=LABELS).logits for model in (one, other))
    return (
        weights.keys() == others.keys()
        and all(torch.equal(weight, others[name]) for name, weight in weights.items())
        and torch.allclose(*answers, atol=1e-12)
    )


def stored(folder: object) -> set[str]:
    with safe_open(folder / "model.safetensors", "pt") as file:
        return set(file.keys())


@pytest.mark.promise("A6")
@torch.no_grad()
def test_every_core_is_loaded_as_it_was_saved(core, tmp_path):
    core.save_pretrained(tmp_path)
    loaded = AutoModelForSeq2SeqLM.from_pretrained(tmp_path)
    assert type(loaded) is type(core)
    assert not loaded.training
    assert loaded.config.to_dict() == {**core.config.to_dict(), "_name_or_path": str(tmp_path)}
    assert same(loaded, core)
    assert torch.equal(loaded.generate(**BATCH, max_new_tokens=5), core.generate(**BATCH, max_new_tokens=5))


@pytest.mark.parametrize("ties", TIES.values(), ids=TIES)
@torch.no_grad()
def test_weights_that_are_one_are_stored_once_and_loaded_as_one(ties, tmp_path):
    core = tiny_core(**ties)
    core.save_pretrained(tmp_path)
    loaded, report = AutoModelForSeq2SeqLM.from_pretrained(tmp_path, output_loading_info=True)
    assert not any(report.values())
    words = {"decoder.embed_tokens.weight", "lm_head.weight", "encoder.embed_tokens.weight"}
    together = loaded.config.tie_word_embeddings + loaded.config.share_embeddings
    assert len(stored(tmp_path) & words) == 3 - together
    assert (loaded.lm_head.weight is loaded.decoder.embed_tokens.weight) == loaded.config.tie_word_embeddings
    assert (loaded.encoder.embed_tokens.weight is loaded.lm_head.weight) == loaded.config.share_embeddings
    assert same(loaded, core)


@pytest.mark.promise("C1")
def test_the_labels_that_begin_end_and_fill_are_saved_with_the_model(tmp_path):
    tiny_core().save_pretrained(tmp_path)
    saved = json.loads((tmp_path / "generation_config.json").read_text())
    expected = {"bos_token_id": SOS, "decoder_start_token_id": SOS, "eos_token_id": EOS, "pad_token_id": PAD}
    assert {name: saved[name] for name in expected} == expected


@pytest.mark.parametrize("cell_type", ["lstm", "gru"])
@pytest.mark.parametrize("attention_type", ATTENTION_TYPES)
def test_missing_weights_start_afresh_and_the_others_are_kept(cell_type, attention_type, tmp_path):
    core = tiny_core(cell_type=cell_type, attention_type=attention_type).float()
    lost = ("decoder.layers", "decoder.attention", "lm_head", "encoder.layers.0.weight_hh_l0_reverse")
    kept = {name: weight for name, weight in core.state_dict().items() if not name.startswith(lost)}
    core.save_pretrained(tmp_path, state_dict=dict(kept))
    loaded, report = AutoModelForSeq2SeqLM.from_pretrained(tmp_path, output_loading_info=True)
    assert report["missing_keys"] == set(core.state_dict()) - set(kept)
    for name, weight in loaded.state_dict().items():
        assert weight.isfinite().all()
        assert torch.equal(weight, core.state_dict()[name]) == (name in kept), name
    check_start(loaded, names=report["missing_keys"])


@pytest.mark.parametrize("cell_type", ["lstm", "gru"])
@pytest.mark.parametrize("attention_type", ATTENTION_TYPES)
def test_fresh_weights_are_those_of_the_papers(cell_type, attention_type):
    config = RecurrentSeq2SeqConfig(
        cell_type=cell_type, attention_type=attention_type, vocab_size=500, embedding_size=24, hidden_size=32
    )
    core = RecurrentSeq2SeqForConditionalGeneration(config)
    check_start(core, names=set(core.state_dict()))
    words = core.decoder.embed_tokens.weight
    assert not words[PAD].any()
    assert abs(words.std() - config.initializer_range) < 0.01


def check_start(core: nn.Module, *, names: set[str]) -> None:
    """Orthogonal recurrences, Glorot's bound elsewhere, no bias but the forget gate's."""
    lstm = core.config.cell_type == "lstm"
    for name in names:
        weight = core.get_parameter(name)
        if "weight_hh" in name:
            for gate in weight.chunk(4 if lstm else 3):
                assert torch.allclose(gate @ gate.T, torch.eye(len(gate)), atol=1e-5), name
        elif "bias" in name:
            forget = torch.zeros_like(weight)
            if lstm and "bias_ih" in name:
                forget.chunk(4)[1].fill_(1.0)
            assert torch.equal(weight, forget), name
        elif "embed_tokens" not in name:
            parts = weight.chunk(4 if lstm else 3) if "weight_ih" in name else [weight]
            for part in parts:
                fan = (part.shape[0] + part.shape[1]) * part[0, 0].numel()
                assert 0.5 * (6 / fan) ** 0.5 < part.abs().max() <= (6 / fan) ** 0.5, name


def test_the_auto_classes_know_the_model(tmp_path):
    core = AutoModelForSeq2SeqLM.from_config(AutoConfig.for_model("recurrent_seq2seq", vocab_size=9))
    assert isinstance(core, RecurrentSeq2SeqForConditionalGeneration)


@pytest.mark.parametrize("ties", TIES.values(), ids=TIES)
@torch.no_grad()
def test_more_words_can_be_given_to_a_model(ties, tmp_path):
    core = tiny_core(**ties)
    before = core(**BATCH, labels=LABELS).logits
    core.resize_token_embeddings(25)
    assert core.config.vocab_size == 25
    assert core.encoder.embed_tokens.num_embeddings == (core.config.source_vocab_size or 25)
    assert type(core.encoder.embed_tokens) is type(core.decoder.embed_tokens) is WordEmbedding
    assert torch.allclose(core(**BATCH, labels=LABELS).logits[..., : before.shape[-1]], before)
    core.save_pretrained(tmp_path)
    loaded = AutoModelForSeq2SeqLM.from_pretrained(tmp_path)
    assert same(loaded, core)
