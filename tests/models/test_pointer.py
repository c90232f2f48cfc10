"""Words that are moments: what they score, what is read of them, and one answer whichever way it is asked for."""

import math

import pytest
import torch
from torch import Tensor

from tests.models.tiny import CORES, EOS, PAD, tiny_core
from toolkit.models import RecurrentSeq2SeqConfig, RecurrentSeq2SeqForConditionalGeneration
from toolkit.models.layers_pointer import NEAR, RARE
from toolkit.models.processing_events import EventGrammar, EventVocabulary

STEPS, WIDTH, LABELS = 12, 5, ("jump", "turn")
WORDS = EventVocabulary(LABELS, step_seconds=0.5, steps=STEPS + 2)
FIRST = WORDS.first_time
LENGTHS = (STEPS, 7, 1)
QUICK = [choice for choice in CORES if not choice.marks]


def teller(**settings: object) -> RecurrentSeq2SeqForConditionalGeneration:
    """A model whose last words are the moments of up to `STEPS + 2` steps."""
    given = dict(vocab_size=len(WORDS.tokens), first_pointer=FIRST, source_vocab_size=None, input_feature_size=WIDTH)
    model = tiny_core(**{**given, **settings})
    with torch.no_grad():
        model.decoder.pointer.place.bias += RARE  # or it would write words and no moments
        model.decoder.pointer.ask.weight *= 4  # and others for other sources
        model.lm_head.bias -= 4
        model.lm_head.bias[EOS] -= 4
    return model


def vectors(*lengths: int) -> dict[str, Tensor]:
    """Random vectors in rows of these lengths, with as random ones behind their ends."""
    given = torch.randn(len(lengths), STEPS, WIDTH, dtype=torch.float64, generator=torch.Generator().manual_seed(2))
    mask = torch.arange(STEPS) < torch.tensor(lengths)[:, None]
    return {"input_features": given, "attention_mask": mask.long()}


def told(*events: list[tuple[int, str, int]]) -> Tensor:
    """Labels of rows of events, padded with -100."""
    rows = [
        WORDS.encode([{"label": label, "start": start / 2, "end": end / 2} for start, label, end in row])
        for row in events
    ]
    longest = max(map(len, rows))
    return torch.tensor([row + [-100] * (longest - len(row)) for row in rows])


BATCH = vectors(*LENGTHS)
PADDED = {
    "input_features": torch.nn.functional.pad(BATCH["input_features"], (0, 0, 0, 2), value=7.0),
    "attention_mask": torch.nn.functional.pad(BATCH["attention_mask"], (0, 2)),
}
TRUTH = told([(0, "jump", 3), (2, "turn", 12)], [(6, "turn", 6)], [(0, "jump", 1)])


@pytest.fixture(params=QUICK)
def model(request):
    return teller(**request.param)


@torch.no_grad()
def test_a_moment_is_taken_after_all_before_it_were_passed_by():
    """The scores, computed again one moment after the other from the layers' weights."""
    model = teller()
    output, encoded = model(**BATCH, labels=TRUTH), model.encode(**BATCH)
    read = model.prepare_decoder_input_ids_from_labels(TRUTH)
    questions, *_ = model.decoder(read, encoded, {})
    pointer, size = model.decoder.pointer, model.config.hidden_size
    for row, length in enumerate(LENGTHS):
        latest = -1
        steps = [torch.zeros(size).double(), *encoded.last_hidden_state[row, :length], torch.zeros(size).double()]
        for place, word in enumerate(read[row].tolist()):
            latest = word - FIRST if word >= FIRST else latest
            asked, bias = pointer.ask(questions[row, place]), pointer.place(questions[row, place])
            left = 1.0
            for moment in range(length + 1):
                away = min(max(moment - latest, -1), NEAR)
                seen = torch.cat([steps[moment], steps[moment + 1]])
                taken = torch.sigmoid(asked @ seen / math.sqrt(size) + bias[away + 1] - RARE)
                assert output.logits[row, place, FIRST + moment].exp() == pytest.approx((left * taken).item())
                left *= 1 - taken.item()
            assert (output.logits[row, place, FIRST + length + 1 :] < -1e30).all()


@pytest.mark.promise("C4")
@pytest.mark.parametrize("search", [dict(), dict(num_beams=3)], ids=["greedy", "beam"])
def test_the_state_a_batch_and_padding_change_no_word(model, search):
    def write(**inputs: object) -> list[list[int]]:
        grammar = [EventGrammar(WORDS)]
        rows = model.generate(**inputs, **search, max_new_tokens=10, logits_processor=grammar)[:, 1:].tolist()
        return [row[: row.index(EOS) + 1] if EOS in row else row for row in rows]

    answers = write(**BATCH)
    assert len({tuple(answer) for answer in answers}) > 1
    assert write(**BATCH, use_cache=False) == answers
    assert write(**PADDED) == answers
    for row, length in enumerate(LENGTHS):
        alone = {name: tensor[row : row + 1, :length] for name, tensor in BATCH.items()}
        assert write(**alone) == [answers[row]]


@torch.no_grad()
def test_reading_at_once_by_step_and_with_more_padding_scores_alike(model):
    expected = model(**BATCH, labels=TRUTH)
    read = model.prepare_decoder_input_ids_from_labels(TRUTH)
    state, scores = None, []
    for step in range(read.shape[1]):
        output = model(**BATCH, decoder_input_ids=read[:, step : step + 1], past_key_values=state, use_cache=True)
        state = output.past_key_values
        scores.append(output.logits)
    assert torch.allclose(torch.cat(scores, 1), expected.logits)
    more = model(**PADDED, labels=torch.cat([TRUTH, torch.full((3, 4), -100)], 1))
    assert more.loss == pytest.approx(expected.loss.item())
    last = model(**BATCH, decoder_input_ids=read, logits_to_keep=2).logits
    assert torch.allclose(last, expected.logits[:, -2:])


def test_the_loss_is_that_of_the_scores_and_reaches_every_weight(model):
    output = model.train()(**BATCH, labels=TRUTH)
    assert output.logits is None
    output.loss.backward()
    served = model.eval()(**BATCH, labels=TRUTH)
    expected = torch.nn.functional.cross_entropy(served.logits.flatten(0, 1), TRUTH.flatten())
    assert served.loss.item() == pytest.approx(expected.item())
    with torch.no_grad():
        steps = torch.sigmoid(model.decoder.pointer.name(model.encode(**BATCH).last_hidden_state) - RARE)
    due = torch.zeros_like(steps)
    due[0, :3, 4] = due[0, 2:12, 5] = due[1, 6, 5] = due[2, :1, 4] = 1
    lesson = -sum(
        (due[row] * steps[row] + (1 - due[row]) * (1 - steps[row]))[:length].log().sum()
        for row, length in enumerate(LENGTHS)
    )
    assert output.loss.item() == pytest.approx((expected + lesson / (TRUTH != -100).sum()).item())
    missing = [name for name, weight in model.named_parameters() if weight.grad is None or not weight.grad.any()]
    assert missing in ([], ["encoder.project_keys.weight"]), missing


def test_a_decoder_that_reads_its_own_words_reads_its_own_moments(model):
    """At a ratio of 0 the loss is that of the labels after the words which the model itself writes."""
    own = model.prepare_decoder_input_ids_from_labels(TRUTH)[:, :1]
    for _ in range(TRUTH.shape[1] - 1):
        own = torch.cat([own, model(**BATCH, decoder_input_ids=own).logits[:, -1:].argmax(-1)], 1)
    expected = model(**BATCH, decoder_input_ids=own, labels=TRUTH).loss
    assert (own >= FIRST).any()
    lesson = model.decoder.pointer.lesson(TRUTH, model.encode(**BATCH)) / (TRUTH != -100).sum()
    model.train().teacher_forcing_ratio = 0.0
    assert model(**BATCH, labels=TRUTH).loss.item() == pytest.approx((expected + lesson).item())


@pytest.mark.promise("H1")
def test_a_saved_model_scores_as_before(tmp_path):
    model = teller().float()
    model.save_pretrained(tmp_path)
    loaded = RecurrentSeq2SeqForConditionalGeneration.from_pretrained(tmp_path)
    batch = {**BATCH, "input_features": BATCH["input_features"].float()}
    assert torch.equal(loaded(**batch, labels=TRUTH).logits, model(**batch, labels=TRUTH).logits)
    assert loaded.lm_head.out_features == loaded.decoder.embed_tokens.num_embeddings == FIRST


@pytest.mark.parametrize("seed", range(5))
def test_what_the_grammar_leaves_is_events_in_order(seed):
    draw = torch.Generator().manual_seed(seed)
    grammar, ids = EventGrammar(WORDS), torch.ones(50, 1, dtype=torch.long)
    for _ in range(20):
        scores = grammar(ids, torch.randn(50, len(WORDS.tokens), generator=draw))
        words = scores.argmax(1)
        ids = torch.cat([ids, torch.where((ids == EOS).any(1), PAD, words)[:, None]], 1)
    for row in ids[:, 1:].tolist():
        written = row[: row.index(EOS)] if EOS in row else row
        times = [word - FIRST for word in written[::3]]
        assert times == sorted(times) and min(times, default=0) >= 0
        assert all(FIRST > word >= 4 for word in written[1::3])
        assert all(end >= start for start, end in zip(written[::3], written[2::3], strict=False))


def test_without_labels_nothing_is_told():
    nothing = EventVocabulary((), step_seconds=0.5, steps=4)
    scores = EventGrammar(nothing)(torch.ones(1, 1, dtype=torch.long), torch.zeros(1, len(nothing.tokens)))
    assert scores.isfinite().nonzero().tolist() == [[0, EOS]]


def test_what_cannot_be_pointed_at_is_refused():
    with pytest.raises(ValueError, match="`first_pointer` must be below `vocab_size`"):
        teller(first_pointer=len(WORDS.tokens))
    with pytest.raises(ValueError, match="`first_pointer` .* needs vectors"):
        teller(input_feature_size=None)
    with pytest.raises(ValueError, match="at most 14 steps.* has 15"):
        teller().encode(input_features=torch.zeros(1, 15, WIDTH).double()) and teller()(
            input_features=torch.zeros(1, 15, WIDTH).double(), labels=TRUTH[:1]
        )
    with pytest.raises(ValueError, match="`labels` must name no moment after the source's end"):
        teller()(**vectors(3), labels=TRUTH[:1])
    smoothed = teller(label_smoothing=0.1).train()
    with pytest.raises(ValueError, match="`label_smoothing` must be 0"):
        smoothed(**BATCH, labels=TRUTH)
    with pytest.raises(ValueError, match="moments"):
        teller().resize_token_embeddings(40)


def films(rows: int, draw: torch.Generator) -> tuple[Tensor, Tensor]:
    """Noise in which up to three segments stand out, each in a channel of its label; and their words."""
    frames, events = torch.randn(rows, STEPS, WIDTH, generator=draw) * 0.15, []
    for row in frames:
        cuts = torch.randperm(STEPS + 1, generator=draw)[: 2 * int(torch.randint(0, 4, (1,), generator=draw))]
        row_events = []
        for start, end in cuts.sort().values.view(-1, 2).tolist():
            label = int(torch.randint(0, 2, (1,), generator=draw))
            row[start:end, label] += 1
            row_events.append((start, LABELS[label], end))
        events.append(row_events)
    return frames, told(*events)


@pytest.mark.promise("G4")
def test_events_that_look_alike_are_told_one_after_the_other():
    """Of films never seen; a random guess of the times of two segments is right once in 700."""
    draw = torch.Generator().manual_seed(0)
    torch.manual_seed(0)
    still = dict.fromkeys(("embedding_dropout", "dropout", "output_dropout"), 0.0)
    sizes = dict(embedding_size=32, hidden_size=32, cell_type="gru")
    config = RecurrentSeq2SeqConfig(
        vocab_size=len(WORDS.tokens), first_pointer=FIRST, input_feature_size=WIDTH, **sizes, **still
    )
    model = RecurrentSeq2SeqForConditionalGeneration(config)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-2, fused=True)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 1e-2, total_steps=250)
    for _ in range(250):
        frames, labels = films(64, draw)
        model(input_features=frames, labels=labels).loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        schedule.step()
    frames, labels = films(200, draw)
    grammar = [EventGrammar(WORDS)]
    written = model.eval().generate(input_features=frames, max_new_tokens=labels.shape[1], logits_processor=grammar)
    written = torch.nn.functional.pad(written[:, 1:], (0, labels.shape[1] - written.shape[1] + 1), value=PAD)
    assert (written == labels.masked_fill(labels == -100, PAD)).all(1).double().mean() >= 0.9
