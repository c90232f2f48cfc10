"""Choices of the text adapters: which vocabulary, which model, which search."""

import numpy as np
import pytest

from toolkit import Dialogue, TextToText, Translation
from toolkit.rows import encode

PAIRS = [(f"Ein Hund {number}", f"a dog {number}") for number in range(30)]


def fitted(split, **settings) -> Translation:
    adapter = Translation(**{"tokenizer": "word", "hidden_size": 8, "embedding_size": 8, **settings})
    adapter.fit({"train": split(PAIRS)})
    return adapter


@pytest.mark.parametrize(
    ("written", "reference"),
    [
        ("Cafe\u0301", "Café"),
        ("\u09af\u09bc", "\u09df"),  # Bengali: NFC takes this letter apart
        ("\u0628\u064e\u0651", "\u0628\u0651\u064e"),  # Arabic: in which order the marks were typed
        ("dix heures", "dix\u00a0heures"),
    ],
)
def test_the_same_letters_are_right_however_they_are_stored(written, reference):
    scores = Translation().score([written], [reference])
    assert scores["exact_match"].value == 100 and scores["cer"].value == 0
    assert Translation().row_score(written, reference) == pytest.approx(100)


def test_two_vocabularies_know_their_own_side_only(split):
    processor = fitted(split).processor
    assert "▁dog" in processor.tokenizer.get_vocab() and "▁Hund" not in processor.tokenizer.get_vocab()
    assert "▁Hund" in processor.source_tokenizer.get_vocab()


@pytest.mark.promise("A2")
@pytest.mark.parametrize(("tied", "shared"), [(False, False), (False, True), (True, False), (True, True)])
def test_parameters_are_shared_only_where_it_was_asked_for(split, tied, shared):
    model = fitted(split, tie_word_embeddings=tied, shared_vocabulary=shared).model()
    source, target = model.encoder.embed_tokens.weight, model.decoder.embed_tokens.weight
    assert (source is target) is (tied and shared)
    assert (model.lm_head.weight is target) is tied


@pytest.mark.parametrize("shared", [False, True])
def test_only_the_source_loses_its_case(split, shared):
    adapter = fitted(split, lowercase_source=True, shared_vocabulary=shared)
    assert "▁hund" in adapter.processor.source_tokenizer.get_vocab()
    row = {"source": "EIN HUND 3", "target": "a dog 3", "line": 2}
    lower = {**row, "source": "ein hund 3"}
    assert adapter.inputs(row) == adapter.inputs(lower)
    assert adapter.processor.tokenizer.unk_token_id not in adapter.inputs(row)["input_ids"]
    assert adapter.labels({**row, "target": "A DOG 3"}) != adapter.labels(row)


def test_only_training_sources_come_apart(split):
    adapter = fitted(split, tokenizer="bpe", bpe_dropout=0.5)
    row = {"source": "Ein Hund 3", "target": "a dog 3", "line": 2}
    varied = [adapter.varied_inputs(row, np.random.default_rng(seed)) for seed in range(9)]
    decode = adapter.processor.source_tokenizer.decode
    assert len({len(one["input_ids"]) for one in varied}) > 1
    assert {decode(one["input_ids"], skip_special_tokens=True) for one in varied} == {"Ein Hund 3"}
    assert all(len(one["attention_mask"]) == len(one["input_ids"]) for one in varied)
    assert adapter.inputs(row) == fitted(split, tokenizer="bpe").inputs(row)
    training, other = (encode(adapter, split(PAIRS), seed=seed) for seed in (1, None))
    cuts = []
    for epoch in (0, 1, 0):
        training.set_epoch(epoch)
        cuts.append([training[place]["input_ids"] for place in range(len(PAIRS))])
    assert cuts[0] == cuts[2] != cuts[1]
    assert [other[place]["input_ids"] for place in range(len(PAIRS))] == [
        adapter.inputs({"source": source})["input_ids"] for source, _ in PAIRS
    ]


@pytest.mark.promise("C1")
def test_the_model_starts_and_ends_with_the_marks_of_the_tokenizer(split):
    adapter = fitted(split)
    model, tokenizer = adapter.model(), adapter.processor.tokenizer
    assert model.config.decoder_start_token_id == model.generation_config.decoder_start_token_id
    assert model.config.decoder_start_token_id == tokenizer.convert_tokens_to_ids("<sos>")
    assert model.generation_config.eos_token_id == tokenizer.convert_tokens_to_ids("<eos>")


@pytest.mark.promise("A6")
@pytest.mark.parametrize("cell_type", ["lstm", "gru"])
def test_the_cell_is_one_word(split, cell_type):
    model = fitted(split, cell_type=cell_type).model()
    assert {type(layer).__name__ for layer in (*model.encoder.layers, *model.decoder.layers)} == {cell_type.upper()}


def test_a_fresh_model_searches_and_another_one_keeps_its_own_way(split, tmp_path):
    assert fitted(split).generation == {"num_beams": 5}
    assert fitted(split, num_beams=1, length_penalty=0.5).generation == {"num_beams": 1, "length_penalty": 0.5}
    adapter = fitted(split)
    adapter.model().save_pretrained(tmp_path)
    assert Translation(model_name_or_path=str(tmp_path)).generation == {}
    assert Translation(model_name_or_path=str(tmp_path), num_beams=3).generation == {"num_beams": 3}


def test_a_dialogue_is_guarded_against_repetition_and_may_be_drawn():
    assert Dialogue().generation == {"num_beams": 5, "repetition_penalty": 1.2, "no_repeat_ngram_size": 3}
    drawn = Dialogue(do_sample=True, no_repeat_ngram_size=0).generation
    assert drawn == {"num_beams": 1, "do_sample": True, "repetition_penalty": 1.2, "no_repeat_ngram_size": 0}


def test_nobody_knows_what_an_answer_that_is_drawn_must_say():
    records = [{"source": "hi", "prediction": "ho"}]
    assert list(Dialogue().questions(records)) == [("'hi'", "ho")]
    assert list(Dialogue(do_sample=True).questions(records)) == [("'hi'", None)]


@pytest.mark.parametrize("kind", ["word", "char", "unigram"])
def test_merges_of_a_tokenizer_without_any_are_not_undone(kind):
    with pytest.raises(ValueError, match=f"`bpe_dropout` undoes merges, which `tokenizer` {kind} does not make"):
        Translation(tokenizer=kind, bpe_dropout=0.1)


@pytest.mark.promise("H4")
def test_targets_without_words_are_faults_among_those_with_words(split):
    adapter = TextToText()
    odd = split([*PAIRS, ("A man.", "@@"), ("...", "!!!"), ("A smile", "🙂"), ("Five", "5")], path="x.tsv")
    adapter.fit({"train": odd})
    assert [fault.line for fault in adapter.check({"train": odd})] == [len(PAIRS) + 2]
    morse = split([("sos", "... --- ..."), ("e", "."), ("t", "-"), ("five", "5")])
    adapter.fit({"train": morse})
    assert list(adapter.check({"train": morse})) == []


@pytest.mark.promise("A3", "H4")
def test_rows_beyond_a_length_are_told_with_the_flag_that_says_so(split):
    adapter = fitted(split, max_source_length=5, max_target_length=5)
    assert adapter.check_row({"source": "Ein Hund 1", "target": "a dog 1", "line": 2}) is None
    long = {"source": "Ein Hund 1 2 3", "target": "a dog 1", "line": 2}
    assert adapter.check_row(long) == (
        "the source has 9 tokens, above `max_source_length` (5). Shorten it or raise that."
    )
    assert "the target has" in adapter.check_row({"source": "Ein", "target": "a dog 1 2 3", "line": 2})


@pytest.mark.promise("E5")
def test_bleu_is_taken_with_the_tokenizer_that_was_asked_for():
    scores = [
        Translation(bleu_tokenizer=name).score(["나는 학교에 갔다"], ["나는 학교에 간다"], only="bleu")["bleu"]
        for name in ("auto", "char")
    ]
    assert "tok:char" in scores[1].signature and scores[0].value != scores[1].value
