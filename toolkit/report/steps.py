"""What a decoder considered, step by step."""

from collections.abc import Mapping, Sequence
from typing import Any

from toolkit.report.markup import folded, table


def steps(trace: Sequence[Mapping[str, Any]]) -> str:
    """Tables, folded away, for each step what was read, what was written, and what else was likely.

    Args:
        trace: `input`, `choice` and `top`, pairs of a token and its probability, for each step in order.
    """
    if not trace:
        return ""
    rows = [
        (place, step["input"], step["choice"], " · ".join(f"\u2068{token}\u2069 {p:.2f}" for token, p in step["top"]))
        for place, step in enumerate(trace, start=1)
    ]
    return folded("Step by step", table("Step by step", ["step", "read", "written", "likeliest"], rows))
