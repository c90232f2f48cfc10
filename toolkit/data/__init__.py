"""The user's files to datasets; faults with file and line.

A file is read line by line, so its size is bounded by the disk and not by the memory, and what is wrong with a row is
told as `FILE:LINE: sentence` instead of as a traceback.

- `faults`: what a person is told. `lines`: bytes to lines. `source`: what every reader gives.
- `tables`, `parallel`, `hub`: the readers. `files`: which reader a path asks for.
- `recordings`: where paths in a table lead. `labels`: what formats without columns share; `subtitles`, `transcripts`,
  `elan`, `boris`, `frame_labels`: these formats. `folders`: recordings with their labels beside them.
- `storage`: rows to an Arrow file on disk, or to a stream. `held_out`: validation rows out of the training rows.
- `splits`: the flags, and all of the above in one call. `overlap`: rows that training and evaluation share.
- `times`: times as people write them. `cues`: words with times, to the formats of players and editors.
"""

from toolkit.data.cues import KINDS, Cue, write_cues
from toolkit.data.faults import BadData, Fault
from toolkit.data.overlap import shared_rows
from toolkit.data.splits import DataArguments, Split, load_splits
from toolkit.data.times import parse_frame, parse_seconds

__all__ = [
    "KINDS",
    "BadData",
    "Cue",
    "DataArguments",
    "Fault",
    "Split",
    "load_splits",
    "parse_frame",
    "parse_seconds",
    "shared_rows",
    "write_cues",
]
