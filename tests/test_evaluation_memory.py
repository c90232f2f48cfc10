"""Evaluation of many rows: nothing of it piles up in memory."""

import tracemalloc
from dataclasses import dataclass
from types import SimpleNamespace

import torch
import torch.nn.functional as F
from datasets import Dataset

from toolkit import Adapter
from toolkit import evaluation as module
from toolkit.collate import Pad
from toolkit.evaluation import evaluate
from toolkit.rows import Examples

SOS, EOS, PAD = 1, 2, 3


class Parrot(torch.nn.Module):
    """Writes what it read."""

    config = SimpleNamespace(vocab_size=40)
    device = torch.device("cpu")
    generation_config = SimpleNamespace(eos_token_id=EOS)

    def forward(self, input_ids, attention_mask, labels):
        return SimpleNamespace(logits=F.one_hot(labels.clamp(min=0), self.config.vocab_size).float())

    def generate(self, input_ids, attention_mask):
        return torch.cat([torch.full((len(input_ids), 1), SOS), input_ids], 1)


@dataclass
class Letters:
    """As much of an adapter as evaluation asks for."""

    generates = stores_inputs = True
    write = Adapter.write
    pad = Pad({"input_ids": PAD, "attention_mask": 0, "labels": -100})

    def decode(self, ids):
        return "".join(chr(90 + label) for label in ids if label > PAD) * 800

    def expected(self, row):
        return self.decode(row["labels"])

    shown = expected

    def score(self, predicted, expected, *, only=None):
        assert all(one == other for one, other in zip(predicted, expected, strict=True))
        return {}


def letters(count: int):
    """Rows of up to eight labels."""
    for line in range(count):
        ids = [4 + (line * step) % 30 for step in range(1, 2 + line % 8)] + [EOS]
        mask = [1] * len(ids)
        yield {"line": line, "input_ids": ids, "attention_mask": mask, "labels": ids, "source_length": len(ids)}


def test_predictions_are_never_in_memory_together(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "WINDOW_ROWS", 256)
    peaks, sizes = [], []
    for count in (1_100, 2_400):
        encoded = Dataset.from_generator(letters, gen_kwargs={"count": count}, cache_dir=str(tmp_path / "cache"))
        tracemalloc.start()
        outcome = evaluate(Parrot(), Letters(), Examples(Letters(), encoded), tmp_path / "a.jsonl", batch_size=64)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
        sizes.append(outcome.path.stat().st_size)
        assert (outcome.rows, outcome.unfinished) == (count, 0.0)
        assert outcome.scores["free_running_accuracy"].value == 100
    assert sizes[1] - sizes[0] > 10_000_000
    assert peaks[1] - peaks[0] < 2_000_000
