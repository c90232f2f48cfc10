"""Where the decoder looked for each event that it wrote, for the report."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import numpy as np

from toolkit.adapters.video.scoring import parsed
from toolkit.report import Section, attention_map

VIDEOS, STRETCHES, COLUMNS = 3, 2, 100


def attention_maps(records: Iterable[Mapping[str, Any]], serve: Callable[..., Any]) -> Iterator[Section]:
    """Events down and time across, of some videos, where the decoder has an attention.

    Args:
        records: with `reference`, which names the video.
        serve: finds events in a file, with `return_attentions`.
    """
    if serve.model.config.attention_type == "none":  # type: ignore[attr-defined]
        return
    files = dict.fromkeys(parsed(row["reference"])["file"] for row in records if row["reference"] is not None)
    maps = [
        _map(stretch, caption=file)
        for file in list(files)[:: max(1, len(files) // VIDEOS)][:VIDEOS]
        for stretch in [one for one in serve(file, return_attentions=True)["attention"] if one["events"]][:STRETCHES]
    ]
    if maps:
        note = "Mean weights of the words of each event, over the seconds of the video."
        yield Section("Where the decoder looked", "".join(maps), note=note)


def _map(stretch: Mapping[str, Any], *, caption: str) -> str:
    """One stretch; where it has more steps than columns, neighbours share one."""
    share = -(-len(stretch["seconds"]) // COLUMNS)
    weights = np.array(stretch["weights"])  # (events, steps)
    pooled = np.add.reduceat(weights, np.arange(0, weights.shape[1], share), axis=1)
    return attention_map(
        [f"{second:.2f}" for second in stretch["seconds"][::share]],
        [_named(**event) for event in stretch["events"]],
        pooled.tolist(),
        caption=caption,
    )


def _named(label: str, start: float, end: float) -> str:
    return f"{label} {start:.2f}" + (f"–{end:.2f}" if end > start else "")


__all__ = ["attention_maps"]
