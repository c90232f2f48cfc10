"""A reader on a machine without this project: loads run folders by the Auto classes and notes what comes out.

Run as `python -I reader.py ANSWERS FOLDER...`; the file of answers is one JSON object.
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
    """Inputs by the processor, and logits by the model of the first Auto class that the configuration names."""
    import torch
    import transformers
    from transformers import AutoConfig, AutoProcessor, AutoTokenizer

    config = AutoConfig.from_pretrained(folder, trust_remote_code=True)
    auto = next(name for name in config.auto_map if name.startswith("AutoModel"))
    model = getattr(transformers, auto).from_pretrained(folder, trust_remote_code=True).eval()
    processor = AutoProcessor.from_pretrained(folder, trust_remote_code=True)
    if hasattr(processor, "source_tokenizer"):
        inputs = processor(["dog 1", "dog 22"], return_tensors="pt", padding=True)
        assert (
            AutoTokenizer.from_pretrained(folder)("Hund 1")["input_ids"] == processor.tokenizer("Hund 1")["input_ids"]
        )
    elif hasattr(processor, "feature_extractor"):
        rate = processor.feature_extractor.sampling_rate
        inputs = processor(torch.arange(rate).mul(0.2).sin(), sampling_rate=rate, return_tensors="pt")
    else:
        frames = torch.arange(12 * 30 * 40 * 3).remainder(251).byte().reshape(12, 30, 40, 3)
        inputs = processor(frames)
    given = dict(inputs)
    if "frames" in given:
        given[model.main_input_name] = given.pop("frames")
    if model.can_generate():
        start = config.decoder_start_token_id
        given["decoder_input_ids"] = torch.full((len(next(iter(given.values()))), 2), start)
    with torch.no_grad():
        logits = model(**given).logits
    return {
        "auto": auto,
        "modules": [type(part).__module__ for part in (config, model, processor)],
        "processor": type(processor).__name__,
        "inputs": {name: values.tolist() for name, values in given.items()},
        "logits": logits.tolist(),
    }


if __name__ == "__main__":
    sys.meta_path.insert(0, NoToolkit())
    answers = {folder: read(folder) for folder in sys.argv[2:]}
    Path(sys.argv[1]).write_text(json.dumps(answers), encoding="utf-8")
