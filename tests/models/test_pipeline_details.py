"""What a pipeline tells beside the text: where the model looked, what else it considered, where another word leads."""

import pytest
import torch
from transformers import LogitsProcessor, LogitsProcessorList

from tests.models.texts import SOURCES, foreign, ours, processor, tokenizer
from toolkit import pipeline

FAMILIES = ["ours", "marian", "bart", "t5"]
SEARCHES = [dict(), dict(num_beams=3), dict(num_beams=4, num_return_sequences=3, length_penalty=0.3)]
STEPS = 6
ONLY_WORDS = dict(suppress_tokens=[0, 1, 2, 3])  # neither unknown nor start, end and filling, which no text shows


def serve(family: str, **settings: object):
    if family == "ours":
        return pipeline("translation", ours(**settings), processor=processor(), max_new_tokens=STEPS)
    return pipeline("translation", foreign(family), tokenizer=tokenizer(), max_new_tokens=STEPS)


def flat(answers: list) -> list[tuple[str, dict]]:
    """Each answer beside its source."""
    return [
        (source, answer)
        for source, found in zip(SOURCES, answers, strict=True)
        for answer in (found if isinstance(found, list) else [found])
    ]


def reading(pipe, source: str, written: list[str]):
    """The model's output when it reads a source and what was written, teacher-forced, with its attentions."""
    reads = getattr(pipe.processor, "source_tokenizer", None) or pipe.tokenizer
    start = pipe.model.config.decoder_start_token_id
    ids = torch.tensor([[start, *pipe.tokenizer.convert_tokens_to_ids(written)]])
    pipe.model.set_attn_implementation("eager")
    with torch.no_grad():
        return pipe.model(
            input_ids=reads(source, return_tensors="pt")["input_ids"],
            decoder_input_ids=ids[:, :-1],
            output_attentions=True,
        )


@pytest.mark.promise("B1")
@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("search", SEARCHES, ids=str)
def test_maps_belong_to_the_hypothesis_that_was_finished(family, search):
    pipe = serve(family)
    for source, answer in flat(pipe(SOURCES, batch_size=3, return_attentions=True, **search)):
        looked = answer["attention"]
        reads = getattr(pipe.processor, "source_tokenizer", None) or pipe.tokenizer
        assert looked["source_tokens"] == reads.convert_ids_to_tokens(reads(source)["input_ids"])
        assert pipe.tokenizer.decode(
            pipe.tokenizer.convert_tokens_to_ids(looked["target_tokens"]), skip_special_tokens=True
        ) == answer["translation_text"]  # fmt: skip
        expected = reading(pipe, source, looked["target_tokens"]).cross_attentions[-1][0].mean(0)
        assert torch.allclose(torch.tensor(looked["weights"]), expected, atol=1e-5)


@pytest.mark.promise("B1")
def test_asking_for_maps_changes_no_word():
    for family in FAMILIES:
        texts = [answer["translation_text"] for answer in serve(family)(SOURCES, num_beams=2)]
        with_maps = serve(family)(SOURCES, num_beams=2, return_attentions=True)
        assert [answer["translation_text"] for answer in with_maps] == texts


def test_a_model_without_attention_has_no_map_to_give():
    answers = serve("ours", attention_type="none")(SOURCES, return_attentions=True, batch_size=2)
    assert [set(answer) for answer in answers] == [{"translation_text"}] * len(SOURCES)


@pytest.mark.promise("C2")
@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("search", SEARCHES, ids=str)
def test_a_trace_shows_step_input_the_five_likeliest_and_the_choice(family, search):
    pipe = serve(family)
    for source, answer in flat(pipe(SOURCES, batch_size=3, return_steps=True, **search)):
        steps = answer["steps"]
        written = [step["choice"] for step in steps]
        assert [step["step"] for step in steps] == list(range(len(steps)))
        start = pipe.tokenizer.convert_ids_to_tokens(pipe.model.config.decoder_start_token_id)
        assert [step["input"] for step in steps] == [start, *written[:-1]]
        assert "<eos>" not in written[:-1]
        expected = reading(pipe, source, written).logits[0].softmax(-1)
        for step, own in zip(steps, expected, strict=True):
            tokens, chances = zip(*step["top"], strict=True)
            ids = pipe.tokenizer.convert_tokens_to_ids(list(tokens))
            assert ids == own.topk(5).indices.tolist()
            assert torch.allclose(torch.tensor(chances), own.topk(5).values, atol=1e-4)
            assert sum(chances) <= 1 + 1e-6
            if not search:
                assert step["choice"] == tokens[0]


@pytest.mark.promise("C2")
def test_a_trace_of_sampling_shows_what_was_drawn_from():
    torch.manual_seed(0)
    answers = serve("ours")(SOURCES * 5, do_sample=True, top_k=2, return_steps=True)
    choices = [(step["choice"], step["top"]) for answer in answers for step in answer["steps"]]
    assert all(choice in {token for token, _ in top[:2]} for choice, top in choices)
    assert all(abs(sum(chance for _, chance in top[:2]) - 1) < 1e-5 for _, top in choices)
    first = sum(choice == top[0][0] for choice, top in choices) / len(choices)
    assert 0.5 < first < 1


@pytest.mark.promise("C6")
@pytest.mark.parametrize("family", FAMILIES)
def test_both_continuations_are_shown_when_a_word_is_forced(family):
    pipe = serve(family)
    plain = pipe(SOURCES, **ONLY_WORDS)
    answers = pipe(SOURCES, forced={1: "hund"}, batch_size=2, **ONLY_WORDS)
    assert [answer["translation_text"] for answer in answers] == [answer["translation_text"] for answer in plain]
    for source, answer in zip(SOURCES, answers, strict=True):
        forced = ["▁" + word for word in answer["forced_text"].split()]
        assert forced[1] == "▁hund"
        scores = reading(pipe, source, forced).logits[0]
        scores[:, ONLY_WORDS["suppress_tokens"]] = -torch.inf
        own = pipe.tokenizer.convert_ids_to_tokens(scores.argmax(-1).tolist())
        assert [own[0], *own[2:]] == [forced[0], *forced[2:]]


@pytest.mark.promise("C6")
@pytest.mark.parametrize("search", SEARCHES, ids=str)
def test_a_word_can_be_forced_in_every_search(search):
    for _, answer in flat(serve("ours")(SOURCES, forced={0: "zwei", 2: "▁hund"}, **search, **ONLY_WORDS)):
        words = answer["forced_text"].split()
        assert words[0] == "zwei"
        assert words[2] == "hund"


def test_the_end_can_be_forced():
    answers = serve("ours")(SOURCES, forced={0: "hund", 1: "<eos>"})
    assert [answer["forced_text"] for answer in answers] == ["hund"] * len(SOURCES)


def test_processors_of_the_user_stay_when_a_word_is_forced():
    class Never(LogitsProcessor):
        def __call__(self, input_ids, scores):
            return scores.index_fill(1, torch.tensor(list(range(4, scores.shape[1] - 3))), -torch.inf)

    pipe = serve("ours")
    banned = set(pipe.tokenizer.convert_ids_to_tokens(range(4, len(pipe.tokenizer) - 3)))
    for answer in pipe(SOURCES, forced={0: "hund"}, logits_processor=LogitsProcessorList([Never()])):
        words = ["▁" + word for word in answer["forced_text"].split()]
        assert words[0] == "▁hund"
        assert not banned.intersection(words[1:])


@pytest.mark.parametrize(("word", "seen"), [("hund ein", "▁hund ▁ein"), ("Drache", "<unk>"), ("", "empty")])
def test_what_is_not_one_known_token_cannot_be_forced(word, seen):
    with pytest.raises(ValueError, match="`forced` must name single tokens that the model knows") as refusal:
        serve("ours")(SOURCES[0], forced={1: word})
    assert f"but {word!r} is {seen}. Name one that it knows." in str(refusal.value)
