"""Measures one model of this repository in a process of its own, the way every contender is measured.

    python benchmarks/worker.py MODEL FOLDER train STEPS
    python benchmarks/worker.py MODEL FOLDER decode BEAMS BATCH SENTENCES

MODEL is `additive`, `general` or `plain`, with `:bfloat16` behind it for reduced precision; FOLDER holds the prepared
sentences. BENCH_WARM steps are not counted; every hypothesis has FORCE_LEN labels, as `<eos>` can never win.
"""

import os
import sys
import time
from collections.abc import Iterator
from contextlib import nullcontext
from itertools import cycle, islice
from pathlib import Path

import captions
import numpy as np
import torch
from clock import StepClock, report
from plain import PlainSeq2Seq, batches_by_length
from torch import Tensor, nn

from toolkit.collate import LengthBatches, Pad
from toolkit.models import RecurrentSeq2SeqConfig, RecurrentSeq2SeqForConditionalGeneration

WARM, LENGTH = int(os.environ.get("BENCH_WARM", "5")), int(os.environ.get("FORCE_LEN", "14"))
ROWS = 80
NEVER = -1e9


def build(kind: str, pieces: int) -> nn.Module:
    """A fresh model: words 256, encoder 256 + 256, decoder 512, one layer, dropout 0.1 of words and last vectors."""
    torch.manual_seed(1)
    if kind == "plain":
        return PlainSeq2Seq(pieces, padding=captions.PADDING)
    return RecurrentSeq2SeqForConditionalGeneration(
        RecurrentSeq2SeqConfig(
            vocab_size=pieces,
            embedding_size=256,
            hidden_size=512,
            attention_type=kind,
            input_feeding=kind == "additive",
            dropout=0.0,
            tie_word_embeddings=False,
        )
    )


def batches(model: nn.Module, pairs: list[tuple[list[int], list[int]]], steps: int) -> Iterator[dict[str, Tensor]]:
    """Padded batches of about one length, in random order: the toolkit's own, or a plain author's."""
    lengths = np.array([[len(source), len(target)] for source, target in pairs])
    if isinstance(model, PlainSeq2Seq):
        order = batches_by_length(lengths, ROWS, np.random.default_rng(1))
    else:
        order = list(LengthBatches(lengths, rows=ROWS, seed=1))
    pad = Pad({"input_ids": captions.PADDING, "labels": -100})
    for batch in islice(cycle(order), steps):
        yield pad([dict(zip(("input_ids", "labels"), pairs[row], strict=True)) for row in batch])


def loss_of(model: nn.Module, batch: dict[str, Tensor]) -> Tensor:
    """The loss of a batch, whichever of the two models it is for."""
    if not isinstance(model, PlainSeq2Seq):
        return model(**batch).loss
    labels = batch["labels"].masked_fill(batch["labels"] == -100, captions.PADDING)
    shifted = torch.cat([torch.full((len(labels), 1), captions.START), labels[:, :-1]], 1)
    return model(batch["input_ids"], shifted, labels)


def train(model: nn.Module, texts: captions.Captions, steps: int, *, reduced: bool) -> None:
    """Optimizer steps as the recipes take them: clipped at 1, fused Adam, bfloat16 through autocast."""
    model.train()
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, fused=True)
    clock = StepClock(WARM)
    for batch in batches(model, texts.pairs, steps):
        with torch.autocast("cpu", torch.bfloat16) if reduced else nullcontext():
            loss = loss_of(model, batch)
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        clock.step(int(batch["labels"].ne(-100).sum()))
    report(model, tok_cpu_s=clock.tokens_per_second())


def decode(model: nn.Module, texts: captions.Captions, beams: int, rows: int, sentences: int, *, reduced: bool) -> None:
    """Translates ids to pieces, sorted by length; everything but loading is counted."""
    model.eval()
    output = model.output if isinstance(model, PlainSeq2Seq) else model.lm_head
    with torch.no_grad():
        output.bias[captions.END] = NEVER
    if reduced:
        model.to(torch.bfloat16)
    sources, written = texts.sources[:sentences], []
    pad = Pad({"input_ids": captions.PADDING})
    started = time.process_time()
    order = sorted(range(len(sources)), key=lambda row: len(sources[row]))
    for start in range(0, len(order), rows):
        source = pad([{"input_ids": sources[row]} for row in order[start : start + rows]])["input_ids"]
        if isinstance(model, PlainSeq2Seq):
            labels = model.translate(source, start=captions.START, steps=LENGTH, beams=beams)
        else:
            mask = source.ne(captions.PADDING)
            labels = model.generate(source, attention_mask=mask, num_beams=beams, max_new_tokens=LENGTH)[:, 1:]
        written += [texts.text(ids) for ids in labels.tolist()]
    seconds = time.process_time() - started
    if len(written) != sentences or any(len(text.split()) != LENGTH or "<eos>" in text for text in written):
        raise RuntimeError(
            f"Not every one of {sentences} hypotheses has {LENGTH} labels, so the speeds do not compare."
        )
    share = {}
    if not isinstance(model, PlainSeq2Seq):
        share["steps_share"] = _steps(model, sources, pad, order, beams, rows) / seconds
    report(model, sent_cpu_s=sentences / seconds, **share)


@torch.no_grad()
def _steps(model: nn.Module, sources: list[list[int]], pad: Pad, order: list[int], beams: int, rows: int) -> float:
    """Processor seconds of what no way of writing could do without: reading the sources, and the model's own steps."""
    started = time.process_time()
    for start in range(0, len(order), rows):
        source = pad([{"input_ids": sources[row]} for row in order[start : start + rows]])["input_ids"]
        encoded = model.encode(input_ids=source, attention_mask=source.ne(captions.PADDING))
        labels, state = torch.full((len(source) * beams, 1), captions.START), None
        for _ in range(LENGTH):
            given = {"decoder_input_ids": labels, "past_key_values": state, "use_cache": True}
            state = model(encoder_outputs=encoded, **given).past_key_values
    return time.process_time() - started


def main(name: str, folder: str, job: str, *numbers: str) -> None:
    """Measures what the command line asks for."""
    torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", "1")))
    kind, _, precision = name.partition(":")
    texts = captions.read(Path(folder))
    measure = {"train": train, "decode": decode}[job]
    measure(build(kind, len(texts.pieces)), texts, *map(int, numbers), reduced=precision == "bfloat16")


if __name__ == "__main__":
    main(*sys.argv[1:])
