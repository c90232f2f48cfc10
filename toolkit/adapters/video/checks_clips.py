"""What can be wrong with labels of clips: as with those of videos, but one clip has one label."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from toolkit.adapters.video.checks import Placed, VideoChecks
from toolkit.adapters.video.films import Film
from toolkit.adapters.video.labels import Event
from toolkit.adapters.video.reels import Reel
from toolkit.data import Fault, Split


class ClipChecks(VideoChecks):
    """The same for clips: they may overlap, but one clip has one label and one row."""

    clips_labels = False

    def left_out(
        self, splits: Mapping[str, Split], faults: Sequence[Fault]
    ) -> tuple[set[tuple[str, Any]], list[Fault]]:
        """The rows with faults and those of videos that cannot be used, and the faults: no other row is left out."""
        rows = ((split, row) for split in splits.values() for row in split.dataset)
        unusable = {self.key(split, row) for split, row in rows if row[self.file_column] in self.unreadable}
        return {(fault.path, fault.line) for fault in faults} | unusable, list(faults)

    def key(self, split: Split, row: Mapping[str, Any]) -> tuple[str, Any]:
        """What a row is left out with: nothing else."""
        place = split.fault(row, "")
        return place.path, place.line

    def _contradictions(self, split: Split, placed: Iterable[Placed], film: Film | Reel) -> Iterator[Fault]:
        first: dict[tuple[int, int], Event] = {}
        for row, event in placed:
            other = first.setdefault(event.frames(film.seconds), event)
            if other is event:
                continue
            file = row[self.file_column]
            if other.label != event.label:
                sentence = (
                    f"{file} is `{event.label}` here, but `{other.label}` in line {other.line}. "
                    "A clip has one label: keep the right row."
                )
            else:
                sentence = f"{file} stands in line {other.line} as well, the same part of it. Keep one of the rows."
            yield split.fault(row, sentence)


__all__ = ["ClipChecks"]
