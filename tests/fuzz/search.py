"""The search for an input that a reader cannot take: hypothesis damages whole files, the keeper has them read."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import seed as seeded
from hypothesis import strategies as st

from tests.fuzz.keeper import GOOD, Keeper, Verdict
from tests.fuzz.mutations import changes, damaged, edited, edits
from tests.fuzz.readers import READERS, Reader

MOST_SECONDS = 20.0


def inputs(reader: Reader) -> st.SearchStrategy[Mapping[str, bytes]]:
    """A whole input with one file of it damaged."""
    [files] = reader.seeds()
    whole = files[reader.damaged]
    contents = changes().map(lambda damage: damaged(whole, damage))
    if reader.family == "models" and reader.damaged.endswith(".json"):
        contents = st.one_of(edits().map(lambda chosen: edited(whole, chosen)), contents)
    return contents.map(lambda content: {**files, reader.damaged: content})


def checked(reader: Reader, verdict: Verdict) -> Verdict:
    """The verdict, or "greedy" where it was right but took too much memory."""
    if verdict.outcome in GOOD and verdict.megabytes > reader.most_megabytes:
        return replace(verdict, outcome="greedy", told=f"{verdict.megabytes:.0f} MB. {verdict.told}")
    return verdict


def search(
    keeper: Keeper, name: str, *, examples: int, seed: int = 0, seen: Callable[[bytes, Verdict], Any] | None = None
) -> None:
    """Fails with the smallest damage it finds that costs more than sentences.

    Args:
        keeper: has the inputs read.
        name: of the reader.
        examples: how many inputs to try.
        seed: other numbers try other inputs.
        seen: is told the damaged file and the verdict of every input; then nothing fails.
    """
    reader = READERS[name]

    @seeded(seed)
    @settings(
        max_examples=examples,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
        phases=(Phase.generate, Phase.shrink),
    )
    @given(inputs(reader))
    def holds(files: Mapping[str, bytes]) -> None:
        keeper.fill(files)
        verdict = checked(reader, keeper.read(name, seconds=MOST_SECONDS))
        content = files[reader.damaged]
        if seen is not None:
            seen(content, verdict)
        else:
            assert verdict.outcome in GOOD, f"{name}: {verdict.outcome}\n{verdict.told}\n{content[:2000]!r}"

    holds()
