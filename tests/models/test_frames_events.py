"""Events as words and as spans of frames, and the ways between them."""

import random
from itertools import pairwise, product

import pytest
import torch

from toolkit.models.processing_events import EventVocabulary, Stretch, tell
from toolkit.models.processing_spans import Span, choose, find_instants, find_segments, tidy

WORDS = EventVocabulary(("jump", "turn", "fall"), step_seconds=0.08, steps=50)


def event(label: str, start: float, end: float) -> dict:
    return {"label": label, "start": start, "end": end}


@pytest.mark.promise("G4")
@pytest.mark.parametrize("seed", range(20))
def test_events_on_the_grid_come_back_as_they_were(seed):
    draw = random.Random(seed)
    offset = draw.choice([0.0, 3.5, 1e4])
    events = {
        (start, draw.randint(start, 50), draw.choice(WORDS.labels))
        for start in draw.sample(range(50), draw.randint(0, 9))
    }
    expected = [event(label, offset + start * 0.08, offset + end * 0.08) for start, end, label in sorted(events)]
    ids = WORDS.encode(draw.sample(expected, len(expected)), start_seconds=offset)
    assert len(ids) == 3 * len(events) + 1
    assert WORDS.decode(ids, start_seconds=offset) == [
        {**one, "start": pytest.approx(one["start"]), "end": pytest.approx(one["end"])} for one in expected
    ]


@pytest.mark.parametrize("seed", range(20))
def test_events_off_the_grid_move_by_half_a_step_at_most(seed):
    draw = random.Random(seed)
    start = draw.uniform(0, 3.9)
    given = event("turn", start, start + draw.uniform(0.08, 4.0 - start) if start < 3.9 else 4.0)
    given["end"] = min(given["end"], 4.0)
    (told,) = WORDS.decode(WORDS.encode([given]))
    assert abs(told["start"] - given["start"]) <= 0.0401
    assert abs(told["end"] - given["end"]) <= 0.0401


def test_an_event_keeps_a_length_and_an_instant_has_none():
    assert WORDS.decode(WORDS.encode([event("jump", 1.0, 1.001)]))[0]["end"] > 1.0
    assert WORDS.decode(WORDS.encode([event("jump", 3.999, 4.0)])) == [event("jump", 49 * 0.08, 4.0)]
    told = WORDS.decode(WORDS.encode([event("jump", 1.0, 1.0)]))[0]
    assert told["start"] == told["end"]


@pytest.mark.parametrize(
    ("start", "end", "told"),
    [
        (-5.0, 1.04, [(0.0, 1.04)]),
        (3.04, 9.0, [(3.04, 4.0)]),
        (-1.0, 9.0, [(0.0, 4.0)]),
        (-1.0, 0.0, []),
        (4.0, 5.0, []),
        (-1.0, 0.03, []),
        (0.0, 0.0, [(0.0, 0.0)]),
        (4.0, 4.0, []),
    ],
)
def test_only_the_part_inside_a_stretch_is_told(start, end, told):
    found = WORDS.decode(WORDS.encode([event("fall", 10 + start, 10 + end)], start_seconds=10.0), start_seconds=10.0)
    assert [(one["start"], one["end"]) for one in found] == [
        (pytest.approx(10 + first), pytest.approx(10 + last)) for first, last in told
    ]


@pytest.mark.parametrize("frames", range(4, 61, 4))
@pytest.mark.parametrize("length", [0, 1])
@pytest.mark.parametrize("rate", [3.0, 25.0, 30.0])
def test_what_happens_on_the_last_frame_is_told(frames, length, rate):
    words = EventVocabulary(("jump",), step_seconds=2 / rate, steps=frames // 2)
    ids = words.encode([event("jump", (frames - 1) / rate, (frames - 1 + length) / rate)])
    last = frames // 2 - 1
    assert [told[:2] for told in words.spell(ids)] == [(last, last + length)]
    stretch = Stretch(0.0, frames / rate, ids, [0.5] * len(ids))
    told, _ = tell([stretch], words, (torch.arange(frames) + 0.5).double() / rate)
    assert [(span.start, span.end) for span in told] == [(frames - 2, frames if length else frames - 2)]


@pytest.mark.parametrize("start", [3.95, 3.97, 3.99])
@pytest.mark.parametrize("seconds", [0.001, 0.03, 0.045, 0.06])
def test_a_short_event_at_the_border_of_two_stretches_is_told_once(start, seconds):
    stretches = [
        WORDS.decode(WORDS.encode([event("jump", start, start + seconds)], start_seconds=begins), start_seconds=begins)
        for begins in (0.0, 4.0)
    ]
    assert sorted(map(len, stretches)) == [0, 1]


def test_nonsense_is_read_as_far_as_it_makes_sense():
    named = {token: word for word, token in enumerate(WORDS.tokens)}

    def read(text: str) -> list[tuple]:
        return [spelt[:3] for spelt in WORDS.spell(named[token] for token in text.split())]

    assert read("<0.08> jump <0.16> <eos> <0.24> turn <0.32>") == [(1, 2, 0)]
    assert read("jump <0.08> <0.16> turn <0.24> <0.08> jump") == [(2, 3, 1)]
    assert read("<0.24> jump <0.08> fall <0.16> <eos>") == [(1, 2, 2)]
    assert read("<0.08> jump turn <0.16> <unk> <pad>") == []
    assert read("<0.08> jump <0.16> <0.08> jump <0.16>") == [(1, 2, 0)]


def test_every_word_has_one_id():
    assert len(set(WORDS.tokens)) == len(WORDS.tokens) == 4 + 3 + 51
    with pytest.raises(ValueError, match="`label` must be one of jump, turn, fall, but is 'sit'"):
        WORDS.encode([event("sit", 0.0, 1.0)])


@pytest.mark.promise("G4")
@pytest.mark.parametrize("seed", range(10))
def test_overlapping_stretches_tell_together_what_happens_in_the_whole_video(seed):
    """Stretches of 4 s that start every 2 s, each told truly; 20 s of video at 12.5 frames a second."""
    draw = random.Random(seed)
    cuts = [0, *sorted(draw.sample(range(1, 250), 12)), 250]
    labels = [draw.choice(["", *WORDS.labels]) for _ in cuts[1:]]
    truth = [
        Span(label, start, end, 1.0)
        for label, before, start, end in zip(labels, ["", *labels], cuts[:-1], cuts[1:], strict=False)
        if label and label != before
    ]
    events = [event(span.label, span.start * 0.08, span.end * 0.08) for span in truth]
    stretches = []
    for start in range(0, 17, 2):
        ids = WORDS.encode(events, start_seconds=float(start))
        stretches.append(Stretch(float(start), start + 4.0, ids, [0.5] * len(ids)))
    told, nothing = tell(stretches, WORDS, (torch.arange(250) + 0.5).double() * 0.08)
    assert [(span.label, span.start, span.end) for span in told] == [
        (span.label, span.start, span.end) for span in truth
    ]
    covered = sorted(frame for span in [*told, *nothing] for frame in range(span.start, span.end))
    assert covered == list(range(250))


def curve(*labels: int) -> torch.Tensor:
    """Three labels, of which one is likely at each frame."""
    return torch.nn.functional.one_hot(torch.tensor(labels), 3) * 0.7 + 0.1


NAMES = ["nothing", "jump", "turn"]


def test_segments_are_the_runs_of_frames():
    found = find_segments(curve(1, 1, 0, 2, 1, 1), NAMES, background="nothing")
    assert [(span.label, span.start, span.end) for span in found] == [("jump", 0, 2), ("turn", 3, 4), ("jump", 4, 6)]
    assert all(span.score == pytest.approx(0.8) for span in found)
    assert len(find_segments(curve(1, 1, 0, 2, 1, 1), NAMES)) == 4
    assert find_segments(curve(1, 1, 0), NAMES, threshold=0.9) == []


@pytest.mark.parametrize("seed", range(8))
def test_the_chosen_labels_are_the_likeliest_of_all_sequences(seed):
    torch.manual_seed(seed)
    probabilities = torch.randn(6, 3).mul(1.5).softmax(-1)
    counts = {one: {other: int(torch.randint(0, 9, ())) for other in NAMES if other > "n"} for one in NAMES[:2]}
    rows = {one: [counts.get(one, {}).get(other, 0) + 1 / 3 for other in NAMES] for one in NAMES}

    def likelihood(path: tuple[int, ...]) -> float:
        seen = torch.stack([probabilities[frame, label] for frame, label in enumerate(path)]).prod().item()
        for one, other in pairwise(path):
            seen *= rows[NAMES[one]][other] / sum(rows[NAMES[one]])
        return seen

    best = max(product(range(3), repeat=6), key=likelihood)
    assert choose(probabilities, NAMES, counts).tolist() == list(best)


def test_a_frame_keeps_its_likeliest_label_where_nothing_was_counted():
    probabilities = torch.randn(50, 3).softmax(-1)
    for counts in (None, {}, {one: dict.fromkeys(NAMES, 4) for one in NAMES}):
        assert torch.equal(choose(probabilities, NAMES, counts), probabilities.argmax(1))
    assert choose(probabilities[:0], NAMES, {}).tolist() == []
    assert choose(torch.tensor([[0.0, 1.0, 0.0]]), NAMES, {}).tolist() == [1]


def test_segments_of_chosen_labels_have_the_scores_of_these():
    [span] = find_segments(curve(1, 0, 1), NAMES, chosen=torch.tensor([1, 1, 1]), background="nothing")
    assert (span.start, span.end, span.score) == (0, 3, pytest.approx((0.8 + 0.1 + 0.8) / 3))


def test_short_events_go_and_gaps_are_closed():
    spans = find_segments(curve(1, 1, 1, 0, 1, 1, 2, 1, 1, 1, 0, 0, 0, 2, 2), NAMES, background="nothing")
    times = [frame * 0.5 for frame in range(16)]

    def told(**settings: float) -> list[tuple]:
        return [(span.label, span.start, span.end) for span in tidy(spans, times, **settings)]

    assert told() == [("jump", 0, 3), ("jump", 4, 6), ("turn", 6, 7), ("jump", 7, 10), ("turn", 13, 15)]
    assert told(minimum_seconds=1.0) == [("jump", 0, 3), ("jump", 4, 6), ("jump", 7, 10), ("turn", 13, 15)]
    assert told(merge_seconds=0.6) == [("jump", 0, 6), ("turn", 6, 7), ("jump", 7, 10), ("turn", 13, 15)]
    assert told(minimum_seconds=1.0, merge_seconds=0.6) == [("jump", 0, 10), ("turn", 13, 15)]
    assert told(minimum_seconds=9.0) == []


def test_joined_spans_have_the_mean_score_of_their_frames():
    assert Span("jump", 0, 1, 1.0).joined(Span("jump", 2, 5, 0.2)).score == pytest.approx(0.4)


def test_instants_are_peaks_that_stand_apart():
    heights = torch.tensor([0.1, 0.6, 0.5, 0.9, 0.9, 0.2, 0.55, 0.1])
    found = find_instants(torch.stack([1 - heights, heights], 1), ["-", "hit"], background="-")
    assert [(span.start, span.end) for span in found] == [(1, 1), (3, 3), (6, 6)]
    assert [span.start for span in find_instants(heights[:, None], ["hit"], apart_frames=3)] == [3, 6]
    assert [span.start for span in find_instants(heights[:, None], ["hit"], threshold=0.8)] == [3]
    assert all(span.is_instant for span in found)


def test_a_peak_is_compared_with_its_neighbours_alone():
    class Distance(float):
        asked = 0

        def __le__(self, other: float) -> bool:
            Distance.asked += 1
            return float(self) <= other

    curve = torch.rand(2000, 1)
    peaks = find_instants(curve, ["hit"], threshold=0.0)
    taken: list[int] = []
    for place in sorted((span.start for span in peaks), key=lambda place: -curve[place, 0].item()):
        if all(abs(place - other) >= 7 for other in taken):
            taken.append(place)
    found = find_instants(curve, ["hit"], threshold=0.0, apart_frames=Distance(7))
    assert [span.start for span in found] == sorted(taken)
    assert 0 < Distance.asked <= 2 * len(peaks)
