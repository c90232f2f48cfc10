"""A process that finds what happens in one film, and says what it counted and the most memory that it held.

Run as `python watcher.py MODEL FILM FRAMES_PER_SECOND`; what it prints is one JSON object. Bytes of the answer are told
apart, since nobody could give it in less memory.
"""

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import torch

from toolkit import pipeline


def parts(answer: object) -> Iterator[object]:
    """The answer and all that it is made of."""
    yield answer
    for part in answer.values() if isinstance(answer, dict) else answer if isinstance(answer, list) else ():
        yield from parts(part)


def main(model: str, film: str, rate: str) -> None:
    """Looks at the film."""
    torch.set_num_threads(1)
    detect = pipeline("video-event-detection", model)
    answer = detect(film, **({"max_new_tokens": 7} if detect.model.can_generate() else {}))
    status = Path("/proc/self/status").read_text()
    frames = answer["frames"]
    told = {
        "peak_bytes": int(status.partition("VmHWM:")[2].split()[0]) << 10,
        "answer_bytes": sum({id(part): sys.getsizeof(part) for part in parts(answer)}.values()),
        "frames": answer["video"]["frames"],
        "are_all_there": [frame["frame"] for frame in frames] == list(range(len(frames))),
        "are_in_time": all(abs(frame["seconds"] - frame["frame"] / float(rate)) < 1e-3 for frame in frames),
        "are_labelled": all(frame["label"] in ("nothing", "dark", "light") for frame in frames),
        "are_likely": all(0 <= frame["score"] <= 1 for frame in frames),
    }
    print(json.dumps(told))


if __name__ == "__main__":
    main(*sys.argv[1:])
