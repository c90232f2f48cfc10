"""Our own search loops beside the library's, through which a request for more than the labels still goes."""

import pytest
import torch
from torch import Tensor, nn
from transformers import GenerationMixin, StoppingCriteriaList
from transformers.generation import EosTokenCriteria, MaxLengthCriteria
from transformers.generation.streamers import BaseStreamer

from tests.models.tiny import EOS, SOS, TARGET_WORDS, sentences, tiny_core
from toolkit.models.layers_output import largest, likeliest

BATCH = sentences(5, 9, 1, 3, 7, 2, 8, 4, 6)
STEPS = 12
SEARCHES = {
    "greedy": dict(),
    "two ends": dict(eos_token_id=[EOS, 7]),
    "beams": dict(num_beams=4),
    "beams with two ends": dict(num_beams=3, eos_token_id=[EOS, 7]),
    "short ones preferred": dict(num_beams=4, length_penalty=-0.5, num_return_sequences=2),
    "long ones waited for": dict(num_beams=3, length_penalty=2.0, early_stopping="never"),
    "the first that end": dict(num_beams=3, num_return_sequences=3, early_stopping=True),
    "more candidates than labels": dict(num_beams=8, num_return_sequences=8, length_penalty=0.0),
    "a start that is given": dict(num_beams=3, decoder_input_ids=torch.tensor([[SOS, 5, 8]] * 9)),
}


def ending_core(**settings: object) -> nn.Module:
    """A model whose answers end early or late, and some not at all."""
    core = tiny_core(**settings)
    core.lm_head.bias.data[EOS] = 3.0
    return core


CORES = [ending_core(attention_type=kind) for kind in ("dot", "none")] + [
    ending_core(attention_type="location", cell_type="gru", num_hidden_layers=2, input_feeding=True)
]
searches = pytest.mark.parametrize("search", SEARCHES.values(), ids=SEARCHES)


@pytest.fixture
def own_loops_only(monkeypatch):
    """Makes the library's loops fail."""
    for name in ("_sample", "_beam_search"):
        monkeypatch.delattr(GenerationMixin, name)


def write(core: nn.Module, **search: object) -> Tensor:
    return core.generate(**BATCH, **{"max_new_tokens": STEPS, **search})


@pytest.mark.promise("C4")
@searches
@pytest.mark.parametrize("core", CORES, ids=["dot", "none", "location"])
def test_our_loops_write_what_the_librarys_write(core, search):
    theirs = write(core, **search, return_dict_in_generate=True).sequences
    assert torch.equal(write(core, **search), theirs)


@searches
def test_labels_alone_are_written_by_our_loops(search, own_loops_only):
    assert len(write(CORES[0], **search)) == len(BATCH["input_ids"]) * search.get("num_return_sequences", 1)


@pytest.mark.parametrize("beams", [1, 3])
def test_sentences_that_have_ended_leave_the_batch(beams):
    core, rows = ending_core(attention_type="dot"), []
    core.decoder.embed_tokens.register_forward_pre_hook(lambda _, given: rows.append(len(given[0])))
    answers = [row[1:] for row in write(core, num_beams=beams, max_new_tokens=30).tolist()]
    assert rows == sorted(rows, reverse=True) and rows[-1] < rows[0] == len(answers) * beams
    if beams == 1:
        lengths = [row.index(EOS) + 1 if EOS in row else 30 for row in answers]
        still_open = [sum(length > step for length in lengths) for step in range(max(lengths))]
        assert len(rows) == len(still_open) and len(set(lengths)) > 2
        assert all(open_ <= here <= open_ * 8 / 7 for open_, here in zip(still_open, rows, strict=True))


@pytest.mark.parametrize("beams", [1, 3])
def test_a_rule_about_what_may_be_written_is_kept(beams):
    ids = write(CORES[0], num_beams=beams, min_new_tokens=5, no_repeat_ngram_size=1)[:, 1:]
    assert not (ids[:, :5] == EOS).any()
    assert all(len(set(row)) == len(row) for row in ([label for label in row if label != 3] for row in ids.tolist()))


def test_a_streamer_hears_every_label():
    class Heard(BaseStreamer):
        labels: list[int] = []

        def put(self, value: Tensor) -> None:
            self.labels += value.flatten().tolist()

        def end(self) -> None:
            self.labels.append(-1)

    one = {name: tensor[:1] for name, tensor in BATCH.items()}
    ids = CORES[0].generate(**one, streamer=Heard(), max_new_tokens=STEPS)
    assert [*ids[0].tolist(), -1] == Heard.labels


@pytest.mark.parametrize("beams", [1, 3])
@pytest.mark.parametrize(
    "rule", [MaxLengthCriteria(5), EosTokenCriteria(7), EosTokenCriteria([EOS, 7])], ids=["length", "end", "two ends"]
)
def test_rules_of_the_users_about_where_to_stop_are_kept(rule, beams):
    asked = dict(num_beams=beams, stopping_criteria=StoppingCriteriaList([rule]))
    theirs = write(CORES[0], **asked, return_dict_in_generate=True).sequences
    assert torch.equal(write(CORES[0], **asked), theirs)


def test_a_limit_that_is_none_asks_for_no_memory():
    one = {name: tensor[:1] for name, tensor in BATCH.items()}
    for beams in (1, 3):
        ids = CORES[0].generate(**one, num_beams=beams, max_new_tokens=10**12)
        assert torch.equal(ids, CORES[0].generate(**one, num_beams=beams, max_new_tokens=200))


@pytest.mark.parametrize("beams", [1, 3])
@pytest.mark.parametrize("how", ["hook", "another forward", "hook of the output layer"])
def test_a_model_that_somebody_has_changed_writes_what_it_then_scores(how, beams):
    core = ending_core(attention_type="dot")

    def forbid(_: nn.Module, __: object, output: object) -> object:
        output.logits[..., 5:] = -torch.inf
        return output

    assert write(core, num_beams=beams).max() >= 5
    if how == "hook":
        core.register_forward_hook(forbid)
    elif how == "hook of the output layer":
        core.lm_head.register_forward_hook(lambda _, __, logits: logits.index_fill(-1, torch.arange(5, 12), -torch.inf))
    else:
        forward = core.forward
        core.forward = lambda *given, **named: forbid(core, given, forward(*given, **named))
    assert write(core, num_beams=beams).max() < 5


@pytest.mark.parametrize("labels", [1, 63, 64, 100, 640, 1000, 1111])
@pytest.mark.parametrize("rows", [1, 7, 90])
def test_the_largest_of_many_scores_are_those_of_torch(labels, rows):
    scores = torch.randperm(rows * labels).view(rows, labels).float()
    assert torch.equal(likeliest(scores), scores.argmax(1))
    for number in (1, 2, 9):
        if number <= labels:
            for ours, theirs in zip(largest(scores, number), scores.topk(number), strict=True):
                assert torch.equal(ours, theirs)


@pytest.mark.parametrize("labels", [640, 1000])
def test_of_equal_scores_the_first_is_the_likeliest(labels):
    scores = torch.randint(0, 3, (100, labels)).float()
    scores[0], scores[1, 5:], scores[2, labels - 3] = -torch.inf, torch.inf, torch.nan
    assert torch.equal(likeliest(scores), scores.argmax(1))


def test_every_label_can_be_written_and_the_last_one_is_the_end(own_loops_only):
    ids = torch.cat([write(core)[:, 1:].flatten() for core in CORES])
    assert EOS in ids and ids.max() < TARGET_WORDS
