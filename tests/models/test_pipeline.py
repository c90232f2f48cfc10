"""One text or many in, texts out: what the pipeline answers is what tokenizer and `generate` give by hand."""

from functools import cache

import datasets
import pytest
import torch
from transformers import GenerationConfig, PreTrainedModel
from transformers.pipelines.pt_utils import KeyDataset

from tests.models.texts import HABITS, SOURCES, foreign, many_languages, ours, processor, tokenizer
from toolkit import pipeline
from toolkit.models import save_portable

FAMILIES = ["ours", "marian", "bart", "t5"]
SEARCHES = [dict(), dict(num_beams=3, length_penalty=0.5), dict(num_beams=4, num_return_sequences=3)]
TASKS = {"translation": "translation_text", "text2text-generation": "generated_text", "dialogue": "generated_text"}


def serve(family: str, task: str = "translation", **settings: object):
    """The pipeline of one family."""
    if family == "ours":
        return pipeline(task, ours(), processor=processor(), **settings)
    return pipeline(task, foreign(family), tokenizer=tokenizer(), **settings)


@cache
def writer(family: str) -> PreTrainedModel:
    return ours() if family == "ours" else foreign(family)


def by_hand(family: str, text: str, **search: object) -> list[str]:
    """What the model writes for one text, without a pipeline."""
    reads, writes = (processor().source_tokenizer, processor().tokenizer) if family == "ours" else (tokenizer(),) * 2
    ids = writer(family).generate(
        **reads(text, return_tensors="pt", return_token_type_ids=False), max_new_tokens=6, **search
    )
    return [writes.decode(row, skip_special_tokens=True) for row in ids]


@pytest.mark.parametrize("asked", [dict(dtype="float16"), dict(model_kwargs=dict(dtype=torch.float16))], ids=str)
def test_weights_are_loaded_in_the_precision_that_is_asked_for(asked, tmp_path):
    save_portable(ours(), processor(), tmp_path)
    pipe = pipeline("translation", str(tmp_path), **asked)
    assert {weight.dtype for weight in pipe.model.parameters()} == {torch.float16}
    assert len(pipe(SOURCES, num_beams=3)) == len(SOURCES)
    with pytest.raises(ValueError, match="is for a model that is loaded, but this one is in memory"):
        serve("ours", **asked)


@pytest.mark.promise("E6")
@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("search", SEARCHES, ids=str)
def test_every_family_answers_what_it_writes_by_hand(family, search):
    expected = [[{"translation_text": text} for text in by_hand(family, source, **search)] for source in SOURCES]
    pipe = serve(family, max_new_tokens=6)
    assert [pipe(source, **search) for source in SOURCES] == expected
    flat = search.get("num_return_sequences", 1) == 1
    assert pipe(SOURCES, **search) == ([answer[0] for answer in expected] if flat else expected)
    assert len({str(answer) for answer in expected}) > 2


@pytest.mark.promise("E6")
@pytest.mark.parametrize("task", TASKS)
def test_each_task_answers_under_its_known_name(task):
    assert serve("ours", task, max_new_tokens=6)(SOURCES[0]) == [{TASKS[task]: by_hand("ours", SOURCES[0])[0]}]
    summary = serve("marian", "summarization", max_new_tokens=6)(SOURCES[0])
    assert summary == [{"summary_text": by_hand("marian", SOURCES[0])[0]}]


@pytest.mark.promise("C4")
@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("search", SEARCHES, ids=str)
def test_batches_answer_as_single_texts_do(family, search):
    pipe = serve(family, max_new_tokens=6)
    assert pipe(SOURCES, batch_size=3, **search) == pipe(SOURCES, batch_size=1, **search)


def test_texts_may_come_as_list_tuple_column_generator_or_dataset():
    pipe = serve("ours", max_new_tokens=6)
    rows = datasets.Dataset.from_dict({"text": SOURCES})
    expected = pipe(SOURCES)
    assert pipe(tuple(SOURCES)) == pipe(rows["text"]) == pipe(rows["text"], batch_size=2) == expected
    for stream in ((text for text in SOURCES), KeyDataset(rows, "text")):
        assert [answer for (answer,) in pipe(stream)] == expected
    assert pipe([]) == []


def test_sampling_follows_the_random_numbers():
    pipe, answers = serve("ours", do_sample=True, max_new_tokens=6), []
    for seed in (1, 1, 2):
        torch.manual_seed(seed)
        answers.append(pipe(SOURCES))
    assert answers[0] == answers[1] != answers[2]


def test_ids_come_instead_of_text_on_request():
    ids = serve("bart", max_new_tokens=6)(SOURCES[0], return_tensors=True)[0]
    assert set(ids) == {"translation_token_ids"}
    assert tokenizer().decode(ids["translation_token_ids"], skip_special_tokens=True) == by_hand("bart", SOURCES[0])[0]


def test_settings_may_come_with_the_pipeline_with_the_call_or_as_a_configuration():
    expected = serve("ours")(SOURCES, num_beams=3, max_new_tokens=6)
    assert serve("ours", num_beams=3, max_new_tokens=6)(SOURCES) == expected
    config = GenerationConfig(num_beams=3, max_new_tokens=6, decoder_start_token_id=1, eos_token_id=2, pad_token_id=3)
    assert serve("ours")(SOURCES, generation_config=config) == expected
    steps = serve("ours")(SOURCES, generation_config=config, return_steps=True)
    assert [step["translation_text"] for step in steps] == [answer["translation_text"] for answer in expected]


def test_without_a_limit_of_the_users_256_tokens_are_the_limit():
    class Endless(type(ours())):
        def forward(self, *args, **inputs):
            output = super().forward(*args, **inputs)
            output.logits[..., 2] = -torch.inf
            return output

    model = ours()
    model.__class__ = Endless
    ids = pipeline("translation", model, processor=processor())("a dog", return_tensors=True)[0][
        "translation_token_ids"
    ]
    assert len(ids) == 1 + 256


@pytest.mark.promise("E6")
@pytest.mark.parametrize(
    ("family", "source", "target"), [("nllb", "eng_Latn", "deu_Latn"), ("mbart", "en_XX", "de_DE")]
)
@pytest.mark.parametrize("batch_size", [1, 2])
def test_models_of_many_languages_read_and_write_the_languages_that_are_named(family, source, target, batch_size):
    model, marks = many_languages(family)
    answers = pipeline("translation", model, tokenizer=marks)(
        SOURCES, src_lang=source, tgt_lang=target, max_new_tokens=5, batch_size=batch_size, return_tensors=True
    )
    marks.src_lang = source
    for text, answer in zip(SOURCES, answers, strict=True):
        encoded = marks(text, return_tensors="pt")
        assert marks.convert_tokens_to_ids(source) in encoded["input_ids"]
        first = marks.convert_tokens_to_ids(target)
        ids = model.generate(**encoded, forced_bos_token_id=first, max_new_tokens=5)[0]
        assert ids[1] == first
        assert torch.equal(answer["translation_token_ids"][: len(ids)], ids)


def test_languages_that_are_named_for_one_text_are_not_those_of_the_next(monkeypatch):
    model, marks = many_languages("nllb")
    monkeypatch.setattr(marks, "src_lang", "eng_Latn")
    monkeypatch.setattr(model.generation_config, "forced_bos_token_id", marks.convert_tokens_to_ids("deu_Latn"))
    serve = pipeline("translation", model, tokenizer=marks, max_new_tokens=5)
    before = serve(SOURCES[0])
    other = serve(SOURCES[0], src_lang="deu_Latn", tgt_lang="eng_Latn")
    assert serve(SOURCES[0]) == before != other
    assert serve(SOURCES[0], src_lang="eng_Latn", tgt_lang="deu_Latn") == before
    assert serve(SOURCES[0], tgt_lang="deu_Latn") == before


@pytest.mark.parametrize("given", [dict(), dict(src_lang="eng_Latn"), dict(tgt_lang="deu_Latn")], ids=str)
def test_a_model_of_many_languages_is_not_left_to_choose_one(given):
    model, marks = many_languages("nllb")
    with pytest.raises(ValueError, match="`src_lang` and `tgt_lang` must be given, as this model knows many languages"):
        pipeline("translation", model, tokenizer=marks)(SOURCES[0], **given)


@pytest.mark.promise("E6")
@pytest.mark.parametrize("task", HABITS)
def test_a_task_brings_the_prefix_and_the_search_that_the_model_was_trained_with(task):
    search = {name: value for name, value in HABITS[task].items() if name != "prefix"}
    ids = foreign("t5").generate(**tokenizer()(HABITS[task]["prefix"] + SOURCES[0], return_tensors="pt"), **search)[0]
    model = foreign("t5")
    (answer,) = pipeline(task, model, tokenizer=tokenizer())(SOURCES[0], return_tensors=True)
    assert torch.equal(next(iter(answer.values())), ids)
    (after,) = pipeline("translation", model, tokenizer=tokenizer(), max_new_tokens=6)(SOURCES[0])
    assert after["translation_text"] == by_hand("t5", SOURCES[0])[0]  # the model itself has learnt no habit


@pytest.mark.promise("E6")
def test_what_the_user_asks_for_goes_before_what_a_task_brings():
    (answer,) = serve("t5", "summarization")(
        SOURCES[0], num_beams=1, min_length=0, max_new_tokens=6, return_tensors=True
    )
    ids = foreign("t5").generate(
        **tokenizer()(HABITS["summarization"]["prefix"] + SOURCES[0], return_tensors="pt"), max_new_tokens=6
    )[0]
    assert torch.equal(answer["summary_token_ids"], ids)


@pytest.mark.promise("E6")
def test_the_old_name_of_a_task_says_the_languages():
    model, marks = many_languages("mbart")
    named = pipeline("translation_en_XX_to_de_DE", model, tokenizer=marks)
    asked = pipeline("translation", model, tokenizer=marks, src_lang="en_XX", tgt_lang="de_DE")
    assert named(SOURCES, max_new_tokens=5) == asked(SOURCES, max_new_tokens=5)
    plain = pipeline("translation_en_to_de", foreign("marian"), tokenizer=tokenizer())
    assert plain(SOURCES, max_new_tokens=6) == serve("marian", max_new_tokens=6)(SOURCES)


@pytest.mark.promise("E6")
@pytest.mark.parametrize("family", FAMILIES)
def test_a_folder_serves_as_its_model_in_memory_does(family, tmp_path):
    if family == "ours":
        save_portable(ours(), processor(), tmp_path)
    else:
        save_portable(foreign(family), tokenizer(), tmp_path)
    assert pipeline("translation", str(tmp_path))(SOURCES, max_new_tokens=6) == serve(family)(SOURCES, max_new_tokens=6)


def test_a_model_in_memory_is_served_without_its_dropout():
    model = ours(dropout=0.5, embedding_dropout=0.5).train()
    pipe = pipeline("translation", model, processor=processor(), max_new_tokens=6)
    assert pipe(SOURCES) == pipe(SOURCES)


def test_a_model_in_memory_without_a_tokenizer_is_refused():
    with pytest.raises(
        ValueError, match="`tokenizer` or `processor` must be given with a model in memory, but neither"
    ):
        pipeline("translation", foreign("marian"))


def test_what_is_no_text_is_refused():
    with pytest.raises(TypeError, match="`inputs` must be text or many texts, but one of them is a int"):
        serve("ours")(5)
    with pytest.raises(TypeError, match="one of them is a dict"):
        serve("ours")([{"text": SOURCES[0]}])


def test_half_a_character_is_refused_and_so_are_no_hypotheses():
    pipe = serve("ours", max_new_tokens=6)
    sentence = "must hold whole characters, but character 3 of 'a \\\\ud83d' is half a surrogate pair. Write the"
    with pytest.raises(ValueError, match=f"`inputs` {sentence}"):
        pipe("a \ud83d")
    with pytest.raises(ValueError, match=f"`forced` {sentence}"):
        pipe(SOURCES[0], forced={0: "a \ud83d"})
    for name in ("num_beams", "num_return_sequences"):
        with pytest.raises(ValueError, match=f"`{name}` must be at least 1, but is 0."):
            pipe(SOURCES[0], **{name: 0})


def test_a_text_without_tokens_is_refused_and_an_empty_one_is_answered():
    bare = tokenizer().backend_tokenizer.from_str(tokenizer().backend_tokenizer.to_str())
    bare.post_processor = None
    without_end = type(tokenizer())(
        tokenizer_object=bare, **{name: tokenizer().special_tokens_map[name] for name in ("pad_token", "eos_token")}
    )
    with pytest.raises(ValueError, match="`inputs` must hold at least one token, but '' has none."):
        pipeline("translation", foreign("marian"), tokenizer=without_end)("")
    assert serve("ours", max_new_tokens=6)("")[0].keys() == {"translation_text"}


def test_long_texts_are_cut_on_request():
    reads = processor().source_tokenizer
    reads.model_max_length, before = 3, reads.model_max_length
    try:
        pipe = serve("ours", max_new_tokens=6)
        assert pipe("a dog runs in the park", truncation=True) == pipe("a dog")
    finally:
        reads.model_max_length = before


def test_a_setting_that_nobody_knows_is_refused_by_name():
    with pytest.raises(ValueError, match="beam_width"):
        serve("ours")(SOURCES[0], beam_width=3)
