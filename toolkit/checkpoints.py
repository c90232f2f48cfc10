"""Checkpoints on disk: written in one instant, looked at before they are trusted, and the mean of the last ones."""

import json
import os
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from zipfile import BadZipFile, ZipFile

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor, nn
from transformers.trainer_utils import PREFIX_CHECKPOINT_DIR

ASIDE = ".saving-checkpoint"
"""Where in a run folder checkpoints are written, and go to vanish."""

SKIPPED = "skipped-"
"""What is put before the name of a checkpoint that is not whole, so that nothing takes it for one."""

NEEDED = ("trainer_state.json", "config.json", "*.safetensors")
EXACT = (("optimizer*", "global_step*"), ("scheduler.pt",), ("rng_state*.pth",), ("unlogged_loss_*.json",))
"""What a run needs to go on as if it had not stopped; `save_only_model` leaves all of it out."""


def checkpoints(folder: Path) -> list[Path]:
    """The whole checkpoints of a run, oldest first; one that was cut short is not among them."""
    return [path for path in _all_checkpoints(folder) if fault_of(path) is None]


def last_whole_checkpoint(folder: Path) -> Path | None:
    """The checkpoint that a run goes on from."""
    return next((path for path in reversed(_all_checkpoints(folder)) if fault_of(path) is None), None)


def broken_checkpoints(folder: Path) -> dict[Path, str]:
    """What is wrong with each checkpoint that is not whole, the newest first."""
    faults = {path: fault_of(path) for path in reversed(_all_checkpoints(folder))}
    return {path: fault for path, fault in faults.items() if fault is not None}


def put_in_place(checkpoint: Path, goal: Path) -> None:
    """Lets a checkpoint that was written aside appear as a whole, instead of one of the same step if there is one."""
    if goal.exists():
        os.rename(goal, checkpoint.with_name("before"))
    os.rename(checkpoint, goal)
    shutil.rmtree(checkpoint.parent)


def remove_surplus(folder: Path, *, keep: int, best: str | None) -> None:
    """Clears the oldest checkpoints away until so many are left; the newest and the best one always stay.

    Each vanishes in one instant: who dies in the middle leaves none that is half there.
    """
    found = sorted(_all_checkpoints(folder), key=lambda path: path.stat().st_mtime_ns)
    for path in [path for path in found[:-1] if str(path) != best][: max(0, len(found) - keep)]:
        (folder / ASIDE).mkdir(exist_ok=True)
        os.rename(path, folder / ASIDE / path.name)
    shutil.rmtree(folder / ASIDE, ignore_errors=True)


def remove_unfinished(folder: Path) -> None:
    """Clears away what a killed run was writing when it ended, and puts checkpoints aside that are not whole."""
    for path in broken_checkpoints(folder):
        shutil.rmtree(folder / f"{SKIPPED}{path.name}", ignore_errors=True)
        os.rename(path, folder / f"{SKIPPED}{path.name}")
    for pattern in (".saving-*", ".*.json*.part", ".*.parts"):
        for path in folder.glob(pattern):
            shutil.rmtree(path) if path.is_dir() else path.unlink()


def remove_checkpoints(folder: Path) -> None:
    """Clears away all of them."""
    for path in _all_checkpoints(folder):
        shutil.rmtree(path)


def _all_checkpoints(folder: Path) -> list[Path]:
    prefix = f"{PREFIX_CHECKPOINT_DIR}-"
    steps = {path: path.name.removeprefix(prefix) for path in folder.glob(f"{prefix}*")}
    return sorted((path for path, step in steps.items() if step.isdecimal()), key=lambda path: int(steps[path]))


def fault_of(checkpoint: Path) -> str | None:
    """What keeps a run from going on from a checkpoint, or nothing; weights are not read, only where they end."""
    try:
        missing = [name for name in NEEDED if not any(checkpoint.glob(name))]
        absent = [names[0] for names in EXACT if not any(any(checkpoint.glob(name)) for name in names)]
        if missing or 0 < len(absent) < len(EXACT):
            return f"{(missing + absent)[0]} is missing"
        for path in sorted(path for path in checkpoint.rglob("*") if path.is_file()):
            try:
                _look_at(path)
            except (ValueError, SafetensorError, BadZipFile):
                return f"{path.name} is cut short"
    except OSError as error:
        return f"it cannot be read: {error.strerror or error}"
    return None


def _look_at(path: Path) -> None:
    """Raises unless a file is as long as its format says."""
    if path.suffix == ".json":
        json.loads(path.read_bytes())
    elif path.suffix == ".safetensors":
        path.open("rb").close()  # or a lost permission would look like a cut
        with safe_open(path, "pt"):
            pass
    elif path.suffix in (".pt", ".pth"):
        ZipFile(path).close()


def average_weights(folders: list[Path]) -> dict[str, Tensor]:
    """The mean of the weights of several checkpoints of one run.

    It often beats each of them (Junczys-Dowmunt et al., 2016, section 2.3).
    """
    total: dict[str, Tensor] = {}
    for folder in folders:
        for name, tensor in _weights(folder):
            total[name] = tensor.double() + total[name] if name in total else tensor.double()
    return {name: tensor / len(folders) for name, tensor in total.items()}


def _weights(folder: Path) -> Iterator[tuple[str, Tensor]]:
    for path in sorted(folder.glob("*.safetensors")):
        with safe_open(path, "pt") as weights:
            yield from ((name, weights.get_tensor(name)) for name in weights.keys())  # noqa: SIM118 (not a dict)


def load_weights(model: nn.Module, weights: Mapping[str, Tensor]) -> None:
    """Puts weights into a model in place, in its own precision; tied weights stand in a file only once."""
    own = model.state_dict()
    with torch.no_grad():
        for name, tensor in weights.items():
            own[name].copy_(tensor)


__all__ = [
    "ASIDE",
    "average_weights",
    "broken_checkpoints",
    "checkpoints",
    "fault_of",
    "last_whole_checkpoint",
    "load_weights",
    "put_in_place",
    "remove_checkpoints",
    "remove_surplus",
    "remove_unfinished",
]
