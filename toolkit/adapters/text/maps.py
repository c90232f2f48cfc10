"""What the report of a text run shows beside the scores: where the model looked."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import islice
from typing import Any

from toolkit.report import Section, attention_map

MAPS, MAP_TOKENS = 8, 80


def attention_maps(records: Iterable[Mapping[str, Any]], serve: Callable[..., Any]) -> Iterator[Section]:
    """Attention maps of rows spread over the first thousand, where the model has an attention to show.

    Args:
        records: with `line`, `source`, `source_length` and `reference`.
        serve: a text pipeline.
    """
    rows = [row for row in islice(records, 1000) if row["source_length"] <= MAP_TOKENS]
    maps = []
    for row in rows[:: max(1, len(rows) // MAPS)][:MAPS]:
        answer = serve(row["source"], return_attentions=True)[0]
        if "attention" not in answer:
            return
        source, target, weights = (answer["attention"][name] for name in ("source_tokens", "target_tokens", "weights"))
        maps.append(attention_map(source, target, weights, caption=f"line {row['line']}: {row['reference']}"))
    note = "Each row is a token that was written, and shows how much of it was read from each source token."
    if maps:
        yield Section("Where it looked", "".join(maps), note=note)


__all__ = ["attention_maps"]
