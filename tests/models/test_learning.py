"""Every attention, on both cells, learns to write a sequence backwards, and does so for sequences it never saw."""

import pytest
import torch
from torch import Tensor, nn

from tests.models.tiny import EOS, PAD
from toolkit.models import ATTENTION_TYPES, RecurrentSeq2SeqConfig, RecurrentSeq2SeqForConditionalGeneration

FIRST, SYMBOLS, SHORTEST, LONGEST = PAD + 1, 8, 3, 5


def sequences(rows: int, *, seen: bool) -> Tensor:
    """Random symbols; those whose sum is a multiple of 4 are kept for the end."""
    drawn = torch.randint(FIRST, FIRST + SYMBOLS, (8 * rows, LONGEST))
    drawn[torch.arange(LONGEST) >= torch.randint(SHORTEST, LONGEST + 1, (8 * rows, 1))] = PAD
    return drawn[(drawn.sum(1) % 4 > 0) == seen][:rows]


def backwards(source: Tensor) -> Tensor:
    """The labels: what was read from right to left, then the end."""
    lengths, steps = (source != PAD).sum(1, keepdim=True), torch.arange(LONGEST + 1)
    labels = source.gather(1, (lengths - 1 - steps).clamp(min=0))
    return labels.masked_fill(steps > lengths, PAD).masked_fill(steps == lengths, EOS)


def train(model: nn.Module, *, steps: int) -> None:
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-2, fused=True)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 1e-2, total_steps=steps)
    for _ in range(steps):
        source = sequences(64, seen=True)
        labels = backwards(source)
        model(input_ids=source, labels=labels.masked_fill(labels == PAD, -100)).loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        schedule.step()


@pytest.mark.promise("B5", "A6")
@pytest.mark.parametrize("attention_type", ATTENTION_TYPES)
@pytest.mark.parametrize(
    ("cell_type", "input_feeding"),
    [("lstm", False), *(pytest.param(*more, marks=pytest.mark.slow) for more in (("gru", False), ("lstm", True)))],
)
def test_every_attention_learns_to_reverse(attention_type, cell_type, input_feeding):
    still = dict.fromkeys(("embedding_dropout", "dropout", "output_dropout"), 0.0)
    config = RecurrentSeq2SeqConfig(
        **dict(attention_type=attention_type, cell_type=cell_type, input_feeding=input_feeding),
        **dict(vocab_size=FIRST + SYMBOLS, embedding_size=16, hidden_size=64),
        **still,
    )
    model = RecurrentSeq2SeqForConditionalGeneration(config)
    train(model, steps=220 if attention_type == "none" else 140)
    source = sequences(200, seen=False)
    written = model.eval().generate(input_ids=source, min_new_tokens=1, max_new_tokens=LONGEST + 1)[:, 1:]
    expected = backwards(source)[:, : written.shape[1]]
    assert (written == expected).all(1).double().mean() >= 0.9
