"""The page of the benchmark: what was done, how fast everybody was, and what that leaves open."""

import os
import platform
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import date
from importlib.metadata import version
from pathlib import Path

import torch
from contenders import LENGTH, Contender, has_bfloat16
from table import Results, fastest, overheads, ratios, speeds

PAGE = """# Speed on text

Written by `benchmarks/text.py`, whose first lines say what it needs, on {date}, on one thread of {processor}.

- **Work**: Multi30k, English to German, a joint vocabulary of {pieces} pieces; word vectors of 256, a bidirectional
  LSTM of 256 + 256, a decoder of 512, one layer each; *feeding* is input feeding; float32 unless named.
- **Training**: batches of 80 sentences, made each toolkit's own way; real target tokens (`<eos>` counted, padding not)
  per second of the process's own processor time, over {counted} steps after {warm}.
- **Decoding**: {sentences} sentences, {length} labels each (`<eos>` can never win); sentences per second of the
  process's own processor time, from pieces to pieces, without loading.
- Medians (least–most) of {rounds} rounds in which all took turns, so that a busy machine slows all alike (load average
  {load} on {cores} cores). Ratios are taken within each round; they mean more than speeds.
- {precision}

## Speeds

{speeds}

{comparisons}
## What `generate` adds to the model's own steps

{overheads}

## Notes

{notes}
"""
BFLOAT16 = "*bfloat16*: autocast in training, weights in bfloat16 in decoding."
NO_BFLOAT16 = "This processor has no arithmetic in bfloat16, so there are no rows in reduced precision."
REFERENCE = """- *plain torch* (`plain.py`) is the same model as a careful author writes it with torch alone.
- What `generate` adds is everything from pieces to pieces but reading the source and stepping through the labels, timed
  in the same process after it.
- *toolkit, general* has no input feeding: while training, the whole target goes through the decoder in one call.
- toolkit and plain torch train with fused AdamW, the recipes' default, the others with the Adam of their own recipes.
"""
OTHERS = """- SpeechBrain has no recipe for texts: its layers, searchers and loss run in a plain loop.
- SpeechBrain and this repository decode with fresh weights, the others with those of the short training: at forced
  lengths the work is the same.
- Marian is not the same model (larger encoder, a decoder of two cells). Its build on PyPI uses AVX alone: the row says
  nothing about a Marian that was built for this processor.
- Hypotheses that a toolkit writes longer than {length} labels are counted by labels, so that none of its work is lost.
"""


@dataclass(frozen=True)
class Conditions:
    """What every contender was given: the vocabulary, the steps that count and those that do not, and so on."""

    pieces: int
    counted: int
    warm: int
    sentences: int
    rounds: int


def write_page(results: Results, mine: Sequence[Contender], conditions: Conditions) -> str:
    """The whole page.

    Args:
        results: of everybody.
        mine: who of them belongs to this repository.
        conditions: of the run.
    """
    others = [contender for contender in results.rounds if contender not in mine]
    comparisons = []
    for ours in mine:
        if ours.name == "toolkit":
            comparisons.append(f"## toolkit, {ours.model}: how many times as fast as\n\n{ratios(results, ours)}\n")
            comparisons += [f"{fastest(results, ours, others)}\n"] if others else []
    return PAGE.format(
        **asdict(conditions),
        date=date.today().isoformat(),
        processor=processor(),
        length=LENGTH,
        load=f"{min(results.loads):.1f}–{max(results.loads):.1f}",
        cores=os.cpu_count(),
        precision=BFLOAT16 if has_bfloat16() else NO_BFLOAT16,
        speeds=speeds(results),
        overheads=overheads(results, mine),
        comparisons="\n".join(comparisons),
        notes=REFERENCE + (OTHERS.format(length=LENGTH) if others else "") + f"- {versions()}",
    )


def processor() -> str:
    """The processor's name, and the widest instructions that torch uses on it."""
    facts = Path("/proc/cpuinfo").read_text() if Path("/proc/cpuinfo").exists() else ""
    names = [line.partition(":")[2].strip() for line in facts.splitlines() if line.startswith("model name")]
    name = names[0] if names else platform.processor() or platform.machine()
    return f"{name} ({torch.backends.cpu.get_cpu_capability()})"


def versions() -> str:
    """What this repository's side ran on."""
    return f"Python {platform.python_version()}, torch {version('torch')}, transformers {version('transformers')}."
