"""A reader on a machine without this project: loads folders of video models with transformers alone.

Run as `python -I video_stranger.py ANSWERS FOLDER...`; the file of answers is one JSON object.
"""

import importlib.abc
import json
import sys
from pathlib import Path


class NoToolkit(importlib.abc.MetaPathFinder):
    """Refuses this project, wherever it is installed."""

    def find_spec(self, name: str, path: object = None, target: object = None) -> None:
        if name.partition(".")[0] == "toolkit":
            raise ModuleNotFoundError(f"No module named {name!r}: it does not exist here")


def read(folder: str) -> dict[str, object]:
    """What the pipeline answers, and where its parts come from."""
    import torch
    from transformers import AutoProcessor, pipeline

    generator = torch.Generator().manual_seed(5)
    frames = torch.randint(0, 256, (40, 16, 20, 3), dtype=torch.uint8, generator=generator)
    pipe = pipeline("video-event-detection", folder, trust_remote_code=True, dtype="float64")
    processor = AutoProcessor.from_pretrained(folder, trust_remote_code=True)
    return {
        "modules": [type(part).__module__ for part in (pipe, pipe.model, pipe.processor, processor)],
        "answer": pipe({"frames": frames, "frames_per_second": 30.0}),
        "labels": processor.labels,
    }


if __name__ == "__main__":
    sys.meta_path.insert(0, NoToolkit())
    answers = {folder: read(folder) for folder in sys.argv[2:]}
    Path(sys.argv[1]).write_text(json.dumps(answers), encoding="utf-8")
