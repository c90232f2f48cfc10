"""What every measured process reports: work done per second of its own processor time, on one line.

The line is `BENCH {json}`; a wrapper around another toolkit prints the same, so that all are read alike.
"""

import json
import resource
import time
from dataclasses import dataclass, field

import torch
from torch import nn

MARK = "BENCH "


@dataclass
class StepClock:
    """Counts target tokens and processor seconds from one optimizer step to a later one.

    What lies between two steps belongs to the second one: making the batch, forward, backward, clipping, updating.

    Args:
        warm: steps that are not counted, at least one.
    """

    warm: int
    tokens: int = 0
    stamps: list[tuple[float, int]] = field(default_factory=list)

    def step(self, tokens: int) -> None:
        """Marks the end of a step on that many real target tokens, `<eos>` included and padding not."""
        self.tokens += tokens
        self.stamps.append((time.process_time(), self.tokens))

    def tokens_per_second(self) -> float:
        """Tokens per processor second after the warm steps."""
        (started, before), (ended, after) = self.stamps[self.warm - 1], self.stamps[-1]
        return (after - before) / (ended - started)


def report(model: nn.Module, **rates: float) -> None:
    """Prints what was measured, with the size of the model and the most memory that the process ever held."""
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    size = sum(parameter.numel() for parameter in model.parameters())
    print(MARK + json.dumps({**rates, "params": size, "peak_mb": peak_mb, "torch": torch.__version__}), flush=True)


def read_report(output: str) -> dict | None:
    """The last report in a process's output, or none.

    >>> read_report('BENCH {"tok_cpu_s": 812.5}')
    {'tok_cpu_s': 812.5}
    """
    lines = [line for line in output.splitlines() if line.startswith(MARK)]
    return json.loads(lines[-1].removeprefix(MARK)) if lines else None
