"""Recipes that start from somebody's model: Marian, T5, BART, or a run of our own."""

import json
from pathlib import Path

import pytest
import torch
from transformers import (
    AutoModelForSeq2SeqLM,
    AutoTokenizer,
    BartConfig,
    BartForConditionalGeneration,
    BertConfig,
    BertModel,
    MarianConfig,
    MarianMTModel,
    PreTrainedModel,
    PreTrainedTokenizerFast,
    T5Config,
    T5ForConditionalGeneration,
)

from tests.models.texts import many_languages
from toolkit import pipeline
from toolkit.adapters.tokenizers import train_tokenizer

WORDS = [f"dog {number} Hund {number}" for number in range(60)]
ROWS = "".join(f"dog {number}\tHund {number}\n" for number in range(60))
TRAINING = {"num_train_epochs": 1, "train_file": "t.tsv", "max_eval_samples": 5, "per_device_train_batch_size": 16}


def tokenizer() -> PreTrainedTokenizerFast:
    return train_tokenizer(WORDS, kind="char")


def marian(size: int) -> PreTrainedModel:
    layers = dict(encoder_layers=1, decoder_layers=1, encoder_attention_heads=2, decoder_attention_heads=2)
    width = dict(d_model=16, encoder_ffn_dim=16, decoder_ffn_dim=16, max_position_embeddings=40)
    marks = dict(pad_token_id=3, eos_token_id=2, bos_token_id=1, decoder_start_token_id=3, forced_eos_token_id=None)
    return MarianMTModel(MarianConfig(vocab_size=size, **layers, **width, **marks))


def bart(size: int) -> PreTrainedModel:
    layers = dict(encoder_layers=1, decoder_layers=1, encoder_attention_heads=2, decoder_attention_heads=2)
    width = dict(d_model=16, encoder_ffn_dim=16, decoder_ffn_dim=16, max_position_embeddings=40)
    marks = dict(pad_token_id=3, eos_token_id=2, bos_token_id=1, decoder_start_token_id=2, forced_eos_token_id=None)
    return BartForConditionalGeneration(BartConfig(vocab_size=size, **layers, **width, **marks))


def t5(size: int) -> PreTrainedModel:
    marks = dict(pad_token_id=3, eos_token_id=2, decoder_start_token_id=3)
    return T5ForConditionalGeneration(
        T5Config(vocab_size=size, d_model=16, d_kv=8, d_ff=16, num_layers=1, num_heads=2, **marks)
    )


@pytest.fixture(autouse=True)
def table():
    Path("t.tsv").write_text(f"en\tde\n{ROWS}")


@pytest.fixture
def pretrained(request) -> str:
    """A folder with a tiny model of another family and its tokenizer."""
    words = tokenizer()
    request.param(len(words)).save_pretrained("theirs")
    words.save_pretrained("theirs")
    return "theirs"


def families(*builders):
    return pytest.mark.parametrize("pretrained", builders, indirect=True, ids=lambda build: build.__name__)


@pytest.mark.promise("E6")
@families(marian, bart, t5)
def test_a_model_of_another_family_is_trained_scored_and_served(pretrained, recipe):
    said = recipe("translation", model_name_or_path=pretrained, output_dir="out", **TRAINING)
    assert said.code == 0
    assert json.loads(Path("out/training_args.json").read_text())["adapter"]["model_name_or_path"] == "theirs"
    before, after = (AutoModelForSeq2SeqLM.from_pretrained(folder).state_dict() for folder in ("theirs", "out"))
    assert type(AutoModelForSeq2SeqLM.from_pretrained("out")) is type(AutoModelForSeq2SeqLM.from_pretrained("theirs"))
    assert any(not torch.equal(before[name], after[name]) for name in before)
    records = [json.loads(line) for line in Path("out/predictions.jsonl").read_text().splitlines()]
    answers = pipeline("translation", "out")([record["source"] for record in records])
    assert [answer["translation_text"] for answer in answers] == [record["prediction"] for record in records]
    assert "Where it looked" in Path("out/report.html").read_text()


def with_habits(size: int) -> PreTrainedModel:
    """A T5 that was taught to summarize: after a word of its own, and always at some length."""
    model = t5(size)
    model.config.task_specific_params = {"summarization": {"prefix": "dog ", "num_beams": 2, "min_length": 9}}
    return model


@families(with_habits)
def test_what_is_served_is_what_was_trained_and_scored(pretrained, recipe):
    said = recipe("summarization", model_name_or_path=pretrained, output_dir="out", **TRAINING)
    assert said.code == 0
    records = [json.loads(line) for line in Path("out/predictions.jsonl").read_text().splitlines()]
    answers = pipeline("summarization", "out")([record["source"] for record in records])
    assert [answer["summary_text"] for answer in answers] == [record["prediction"] for record in records]
    trained = AutoModelForSeq2SeqLM.from_pretrained("out")
    assert trained.config.task_specific_params == {"summarization": {"prefix": "dog "}}
    assert trained.generation_config.min_length != 9


@families(with_habits)
def test_a_model_that_is_used_as_it_is_keeps_its_habits(pretrained, recipe):
    flags = {"model_name_or_path": pretrained, "test_file": "t.tsv", "max_eval_samples": 5, "output_dir": "out"}
    assert recipe("summarization", "--predict_only", **flags).code == 0
    records = [json.loads(line) for line in Path("out/predictions.jsonl").read_text().splitlines()]
    answers = pipeline("summarization", pretrained)([record["source"] for record in records], max_new_tokens=60)
    for answer, record in zip(answers, records, strict=True):  # the run stops at the lengths that its targets allow
        assert len(record["prediction"]) > 9 and answer["summary_text"].startswith(record["prediction"])


@pytest.mark.parametrize("family", ["nllb", "mbart"])
def test_a_model_of_many_languages_is_told_its_two(family, recipe):
    model, marks = many_languages(family)
    model.save_pretrained("theirs")
    marks.save_pretrained("theirs")
    source, target = {"nllb": ("eng_Latn", "deu_Latn"), "mbart": ("en_XX", "de_DE")}[family]
    flags = {"model_name_or_path": "theirs", "output_dir": "out", **TRAINING}
    said = recipe("translation", **flags)
    assert said.code == 2 and said.err.startswith("`src_lang` and `tgt_lang` must be given")
    said = recipe("translation", src_lang="klingon", tgt_lang=target, **flags)
    assert said.code == 2 and "but it knows no 'klingon'" in said.err
    assert recipe("translation", src_lang=source, tgt_lang=target, **flags).code == 0
    again = AutoTokenizer.from_pretrained("out")
    start = again.convert_tokens_to_ids(target)
    assert AutoModelForSeq2SeqLM.from_pretrained("out").generation_config.forced_bos_token_id == start
    assert again.convert_tokens_to_ids(source) in again("dog 1").input_ids
    assert start in again(text_target="Hund 1").input_ids
    records = [json.loads(line) for line in Path("out/predictions.jsonl").read_text().splitlines()]
    answers = pipeline("translation", "out")([record["source"] for record in records])
    assert [answer["translation_text"] for answer in answers] == [record["prediction"] for record in records]


@families(bart)
def test_weights_in_half_precision_are_trained_in_single_precision(pretrained, recipe):
    AutoModelForSeq2SeqLM.from_pretrained(pretrained).half().save_pretrained(pretrained)
    assert AutoModelForSeq2SeqLM.from_pretrained(pretrained).dtype == torch.float16
    assert recipe("translation", model_name_or_path=pretrained, output_dir="out", **TRAINING).code == 0
    assert AutoModelForSeq2SeqLM.from_pretrained("out").dtype == torch.float32


@families(marian)
def test_a_vocabulary_that_is_there_cannot_lose_its_case(pretrained, recipe):
    said = recipe("translation", "--lowercase_source", model_name_or_path=pretrained, output_dir="out", **TRAINING)
    assert said.code == 2 and said.err.startswith("`lowercase_source` is for a vocabulary that is learnt")


@families(marian)
def test_languages_of_a_model_that_knows_none_are_refused(pretrained, recipe):
    said = recipe("translation", model_name_or_path=pretrained, output_dir="out", src_lang="eng_Latn", **TRAINING)
    assert said.code == 2 and said.err.startswith("`src_lang` and `tgt_lang` are for models of many languages")


@pytest.mark.slow
@families(marian, bart, t5)
def test_label_smoothing_and_averaging_work_with_it_too(pretrained, recipe):
    said = recipe(
        "translation",
        model_name_or_path=pretrained,
        output_dir="out",
        **TRAINING | {"num_train_epochs": 2, "label_smoothing_factor": 0.1, "average_checkpoints": 2},
    )
    assert (said.code, "of the best checkpoint and the mean of the last 2." in said.err) == (0, True)
    assert json.loads(Path("out/training_args.json").read_text())["training"]["label_smoothing_factor"] == 0.1


@families(t5)
def test_it_may_write_longer_targets_than_the_library_would_let_it(pretrained, recipe):
    Path("t.tsv").write_text("en\tde\n" + "".join(f"dog {n}\t{'Hund ' * 6}{n}\n" for n in range(60)))
    assert recipe("translation", model_name_or_path=pretrained, output_dir="out", **TRAINING).code == 0
    limit = AutoModelForSeq2SeqLM.from_pretrained("out").generation_config.max_new_tokens
    assert limit >= 31


@pytest.mark.promise("A3")
@families(marian)
def test_a_text_beyond_its_positions_is_refused_by_line(pretrained, recipe):
    Path("t.tsv").write_text(f"en\tde\n{ROWS}{'dog ' * 30}\tHund\n")
    said = recipe("translation", model_name_or_path=pretrained, output_dir="out", **TRAINING)
    assert (said.code, Path("out").exists()) == (1, False)
    assert said.err.startswith("t.tsv:62: the source has ") and "above the 40 that the model takes." in said.err


def test_a_model_that_cannot_write_is_refused(recipe):
    BertModel(
        BertConfig(hidden_size=8, num_hidden_layers=1, num_attention_heads=1, intermediate_size=8)
    ).save_pretrained("bert")
    tokenizer().save_pretrained("bert")
    said = recipe("translation", model_name_or_path="bert", output_dir="out", **TRAINING)
    assert (said.code, Path("out").exists()) == (2, False)
    assert said.err.startswith("`model_name_or_path` must name an encoder-decoder, but bert is a bert model.")


@families(marian)
def test_own_words_are_only_fed_to_a_decoder_that_reads_them(pretrained, recipe):
    said = recipe("translation", model_name_or_path=pretrained, output_dir="out", teacher_forcing_ratio=0.5, **TRAINING)
    assert (said.code, Path("out").exists()) == (2, False)
    assert said.err.startswith("`teacher_forcing_ratio` and `scheduled_sampling` need a decoder that")


@pytest.mark.promise("A1")
def test_a_run_of_our_own_is_trained_further_and_keeps_its_vocabulary(trained, recipe):
    said = recipe("translation", model_name_or_path=trained, output_dir="out", learning_rate=1e-12, **TRAINING)
    assert said.code == 0
    for name in ("tokenizer.json", "source_tokenizer/tokenizer.json"):
        assert json.loads(Path("out", name).read_text()) == json.loads((trained / name).read_text())
    before, after = (AutoModelForSeq2SeqLM.from_pretrained(folder).state_dict() for folder in (trained, "out"))
    assert all(torch.allclose(before[name], after[name], atol=1e-6) for name in before)


@pytest.mark.parametrize(
    "part, words",
    [
        ("model.safetensors", "its weights, but those of theirs cannot be read ("),
        ("tokenizer.json", "its tokenizer, but theirs has none that loads ("),
    ],
)
@pytest.mark.parametrize("broken", [True, False], ids=["broken", "missing"])
def test_a_model_without_a_part_is_told_in_one_sentence(part, words, broken, recipe):
    tokens = tokenizer()
    tokens.save_pretrained("theirs")
    marian(len(tokens)).save_pretrained("theirs")
    Path("theirs", part).write_text("{") if broken else Path("theirs", part).unlink()
    Path("t.tsv").write_text("en\tde\n" + ROWS)
    said = recipe("translation", model_name_or_path="theirs", output_dir="out", **TRAINING)
    lines = said.err.splitlines()
    assert (said.code, lines[-1].startswith(f"`model_name_or_path` must name a model with {words}")) == (2, True), said
    assert "Traceback" not in said.err


@pytest.mark.parametrize("build", [marian, bart, t5])
@pytest.mark.parametrize("flag", ["model_name_or_path", "tokenizer"])
def test_a_model_without_any_tokenizer_does_not_train_with_an_empty_one(flag, build, recipe):
    """The library makes a vocabulary of marks alone for BART and T5, to which each word would be unknown."""
    build(200).save_pretrained("theirs")
    said = recipe("translation", output_dir="out", **{flag: "theirs"}, **TRAINING)
    told = said.err.splitlines()[-1]
    assert (said.code, told.startswith(f"`{flag}` must "), "theirs" in told) == (2, True, True), said
    assert "has none that loads (" in told and not Path("out").exists()
