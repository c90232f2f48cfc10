"""A reader on a machine without this project: loads folders with transformers alone and notes what they answer.

Run as `python -I stranger.py read FOLDER ANSWERS TEXT...` or `... listen FOLDER ANSWERS`; the file of answers is one
JSON object.
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


def read(folder: str, texts: list[str]) -> dict[str, object]:
    """Everything that a reader of the model card might try."""
    import torch
    from transformers import AutoModelForSeq2SeqLM, AutoProcessor, AutoTokenizer, pipeline

    model = AutoModelForSeq2SeqLM.from_pretrained(folder, trust_remote_code=True)
    processor = AutoProcessor.from_pretrained(folder, trust_remote_code=True)
    encoded = processor(texts, return_tensors="pt", padding=True)
    with torch.no_grad():
        ids = model.generate(**encoded, max_new_tokens=6, num_beams=3)
    answers = {}
    for task in ("translation", "summarization", "text2text-generation", "dialogue"):
        pipe = pipeline(task, folder, trust_remote_code=True)
        answers[task] = pipe(texts, max_new_tokens=6, batch_size=2, num_beams=2, return_attentions=True)
    return {
        "module": type(model).__module__,
        "code": [name for name in sys.modules if name.startswith("transformers_modules") and "layers_" in name],
        "ids": ids.tolist(),
        "texts": processor.batch_decode(ids, skip_special_tokens=True),
        "tokens": AutoTokenizer.from_pretrained(folder).tokenize("ein hund"),
        "answers": answers,
    }


def listen(folders: str, _: list[str]) -> dict[str, object]:
    """Everything that a reader of a speech model's card might try, with each model in a folder."""
    import torch
    from transformers import AutoFeatureExtractor, AutoModelForSpeechSeq2Seq, AutoProcessor, pipeline

    sound, answers = (torch.arange(9000) * 0.3).sin(), {}
    for folder in Path(folders).iterdir():
        model = AutoModelForSpeechSeq2Seq.from_pretrained(folder, trust_remote_code=True)
        processor = AutoProcessor.from_pretrained(folder, trust_remote_code=True)
        encoded = processor(sound, sampling_rate=8000, return_tensors="pt")
        extractor = AutoFeatureExtractor.from_pretrained(folder, trust_remote_code=True)
        pipe = pipeline("automatic-speech-recognition", str(folder), trust_remote_code=True)
        answers[folder.name] = {
            "module": type(model).__module__,
            "ids": model.generate(**encoded, max_new_tokens=6).tolist(),
            "frames": extractor(sound, sampling_rate=8000)["input_features"][0][3].tolist(),
            "answer": pipe([sound.numpy(), sound[:900]], batch_size=2, return_timestamps="word", max_new_tokens=6),
        }
    return answers


if __name__ == "__main__":
    sys.meta_path.insert(0, NoToolkit())
    answers = {"read": read, "listen": listen}[sys.argv[1]](sys.argv[2], sys.argv[4:])
    Path(sys.argv[3]).write_text(json.dumps(answers), encoding="utf-8")
