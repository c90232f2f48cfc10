"""Checkpoints on disk: which are whole, and what is the mean of the last."""

import json
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor, nn
from transformers.trainer_utils import PREFIX_CHECKPOINT_DIR


def checkpoints(folder: Path) -> list[Path]:
    """The whole checkpoints of a run, oldest first; one that was cut short is not among them."""
    return [path for path in _all_checkpoints(folder) if _is_whole(path)]


def last_whole_checkpoint(folder: Path) -> Path | None:
    """The checkpoint that a run goes on from."""
    return next(filter(_is_whole, reversed(_all_checkpoints(folder))), None)


def remove_unfinished(folder: Path) -> None:
    """Clears away what a killed run was writing when it ended."""
    for path in _all_checkpoints(folder):
        if not _is_whole(path):
            shutil.rmtree(path)
    for pattern in (".saving-*", ".*.json*.part"):
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


def _is_whole(checkpoint: Path) -> bool:
    """Whether everything is there: the trainer's state is written last, and the weights' header knows their size."""
    weights = list(checkpoint.glob("*.safetensors"))
    try:
        json.loads((checkpoint / "trainer_state.json").read_bytes())
        for path in weights:
            with safe_open(path, "pt"):
                pass
    except (OSError, ValueError, SafetensorError):
        return False
    return bool(weights)


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
    "average_weights",
    "checkpoints",
    "last_whole_checkpoint",
    "load_weights",
    "remove_checkpoints",
    "remove_unfinished",
]
