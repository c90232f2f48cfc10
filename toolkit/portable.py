"""What makes a run folder fit to be shared: its files are those of the run, and strangers get its answers from it.

At its end a run notes in `fingerprints.json` the SHA-256 of every file that would be shared, and how it answers a few
questions. Before the folder is shared both are compared: the files here, the answers in a process of their own that
finds torch and transformers only, and is offline.
"""

import hashlib
import json
import math
import os
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

from huggingface_hub import ModelCard

from toolkit import models
from toolkit.data.aside import write_json
from toolkit.run_folder import ARGUMENTS, PREDICTIONS, RESULTS
from toolkit.trial import NotPortable, Trial, alike, tried_elsewhere

CARD, FINGERPRINTS = "README.md", "fingerprints.json"
MODEL_FILES = ("*.safetensors", "*.json", "*.py", "*.txt", "*.jinja", "*.model", "*.spm")
SHARED = (*MODEL_FILES, CARD, "report.html", "report_media/*", PREDICTIONS)
NOT_SHARED = ("checkpoint-*", "skipped-checkpoint-*", ".*", "validation_predictions.jsonl", "skipped_rows.txt")
PICKLED = ("*.bin", "*.pt", "*.pth", "*.pkl", "*.pickle", "*.ckpt", "*.npy", "*.npz", "*.joblib")
NEEDED = ("config.json", "*.safetensors", CARD, RESULTS)


def seal(folder: Path, trial: Trial) -> None:
    """Notes what the folder holds and how its model answers; the last file that a run writes."""
    files = {name: fingerprint(folder / name) for name in shared_files(folder) if name not in (CARD, FINGERPRINTS)}
    write_json(folder / FINGERPRINTS, {"trial": asdict(trial), "files": files})


def fingerprint(path: Path) -> str:
    """The SHA-256 of a file, as `sha256sum` prints it."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def shared_files(folder: Path) -> list[str]:
    """What of a run folder goes to the Hub, by path in it; checkpoints, hidden and private files stay at home."""
    paths = (path for path in _paths(folder) if (folder / path).is_file())
    return sorted(path for path in paths if any(fnmatch(path, pattern) for pattern in SHARED))


def _paths(folder: Path) -> Iterator[str]:
    """Files and folders of a run, without those that stay at home."""
    for place, folders, files in os.walk(folder):
        folders[:] = [name for name in folders if not _stays(name)]
        for name in (*folders, *files):
            if not _stays(name):
                yield (Path(place).relative_to(folder) / name).as_posix()


def _nothing_dangerous(folder: Path) -> None:
    """Among what would go to the Hub are no links, and no pickles, which run code when they are loaded."""
    for path in _paths(folder):
        if (folder / path).is_symlink():
            raise NotPortable(f"`{path}` is a link to {os.readlink(folder / path)}. Put the file itself in its place.")
        if any(fnmatch(path, pattern) for pattern in PICKLED):
            raise NotPortable(f"`{path}` may hold a pickle, which runs code when it is loaded. Remove it.")


def _stays(name: str) -> bool:
    return any(fnmatch(name, pattern) for pattern in NOT_SHARED)


def verify(folder: Path) -> Trial:
    """Makes sure that a folder is what its run left, and answers elsewhere what it answered here.

    Raises:
        FileNotFoundError: the folder is not a finished run.
        NotPortable: what is wrong with it.
    """
    missing = [name for name in (*NEEDED, FINGERPRINTS) if not any(folder.glob(name))]
    if missing:
        raise FileNotFoundError(
            f"`folder` must be a finished run, but {folder} has no {', '.join(missing)}. Train first, or name another."
        )
    _nothing_dangerous(folder)
    here = shared_files(folder)
    trial = _unchanged(folder, here)
    _only_our_code(folder, here)
    _nothing_outside(folder, here)
    _true_card(folder)
    _same_answers(folder, trial)
    return trial


def _unchanged(folder: Path, here: list[str]) -> Trial:
    """Every file is as the run left it; none is missing, and none was added."""
    try:
        noted = json.loads((folder / FINGERPRINTS).read_text(encoding="utf-8"))
        trial, files = Trial(**noted["trial"]), dict(noted["files"])
    except (ValueError, TypeError, KeyError) as error:
        raise NotPortable(
            f"`{FINGERPRINTS}` is broken ({error}). Train again, or take the folder from a copy."
        ) from error
    for name in sorted({*files, *here} - {CARD, FINGERPRINTS}):
        if name not in here:
            raise NotPortable(f"`{name}` is missing, which the run had written. Put it back, or train again.")
        if name not in files:
            raise NotPortable(f"`{name}` is not of this run. Move it out of {folder}, then share again.")
        if fingerprint(folder / name) != files[name]:
            raise NotPortable(f"`{name}` was changed after the run had written it. Put it back, or train again.")
    if not trial.questions:
        raise NotPortable(
            f"`{PREDICTIONS}` does not agree with what the model says to single questions, so nothing shows that the "
            "folder is sound. Train again."
        )
    return trial


def _only_our_code(folder: Path, here: list[str]) -> None:
    """Code that strangers are asked to trust is this package's, letter by letter."""
    ours = Path(models.__file__).parent
    for name in here:
        if name.endswith(".py") and (
            not (ours / name).is_file() or (ours / name).read_bytes() != (folder / name).read_bytes()
        ):
            raise NotPortable(
                f"`{name}` must be this toolkit's code, letter by letter, but is not. Share it from the version that "
                "trained it, or train again with this one."
            )


def _nothing_outside(folder: Path, here: list[str]) -> None:
    """No configuration leads to code, weights or vocabularies outside the folder."""
    for name in here:
        if name.endswith(".json") and name not in (RESULTS, ARGUMENTS, FINGERPRINTS):
            for key, place in _places(json.loads((folder / name).read_text(encoding="utf-8"))):
                inside = f"{place.partition('.')[0]}.py" if key in ("auto_map", "impl") else place
                if "--" in inside or "/" in inside or "\\" in inside or inside not in here:
                    raise NotPortable(
                        f"`{key}` in `{name}` must name a file of the folder, but is {place!r}. Put the run's own back."
                    )


def _places(values: Any, under: str = "") -> Iterator[tuple[str, str]]:
    """Every value in a configuration that names a file, with the key that says so."""
    if isinstance(values, Mapping):
        for key, value in values.items():
            yield from _places(value, under if under in ("auto_map", "weight_map") else str(key))
    elif isinstance(values, list):
        for value in values:
            yield from _places(value, under)
    elif isinstance(values, str) and (under in ("auto_map", "impl", "weight_map") or under.endswith("_file")):
        yield under, values


def _true_card(folder: Path) -> None:
    """The card may be edited, but its scores are those of the run."""
    try:
        card = ModelCard.load(folder / CARD)
    except Exception as error:  # what the reader of YAML raises is no ValueError
        reason = " ".join(str(error).split())
        raise NotPortable(f"`{CARD}` has metadata that cannot be read ({reason}). Correct its first lines.") from error
    results = json.loads((folder / RESULTS).read_text(encoding="utf-8"))
    for result in card.data.eval_results or ():
        name = str(result.metric_name).replace(" ", "_")
        if not math.isclose(result.metric_value, results.get(name, math.nan), rel_tol=1e-3, abs_tol=1e-3):
            raise NotPortable(
                f"`{CARD}` says {name} {result.metric_value}, but `{RESULTS}` {results.get(name)}. Correct the card."
            )


def _same_answers(folder: Path, trial: Trial) -> None:
    """A process that knows torch and transformers only, without a network, gets the answers that the run got."""
    answers = tried_elsewhere(folder, trial)["answers"]
    for question, before, now in zip(trial.questions, trial.answers, answers, strict=True):
        if not alike(before, now):
            raise NotPortable(
                f"The answer to {_short(question)} was {_short(repr(before))} when the run ended, but in a process "
                f"without this toolkit it is {_short(repr(now))}. Was the folder changed? Train again."
            )


def _short(text: str) -> str:
    return text if len(text) <= 80 else f"{text[:77]}..."


__all__ = ["CARD", "FINGERPRINTS", "MODEL_FILES", "fingerprint", "seal", "shared_files", "verify"]
