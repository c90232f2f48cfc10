"""What is dear to make of a file and always the same: made once, then kept on disk while it is used."""

import hashlib
import json
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

UNUSED_DAYS = 30
"""What nobody asked for in so many days goes when something new is kept beside it."""


def key_of(path: str, *settings: Any) -> str:
    """Tells apart what is made of files, of their versions, and with other settings.

    Args:
        path: of the file: it, its size and its time are its version. An address may lead elsewhere tomorrow, so that
            it is made anew in each process.
        *settings: whatever else decides what is made, as JSON can hold it.
    """
    if "://" in path:
        version: list[Any] = [path, os.getpid()]
    else:
        stat = os.stat(path)
        version = [os.path.realpath(path), stat.st_size, stat.st_mtime_ns]
    return hashlib.blake2b(json.dumps([version, settings]).encode(), digest_size=16).hexdigest()


def fingerprint(model: nn.Module) -> str:
    """Tells weights apart."""
    digest = hashlib.blake2b(digest_size=16)
    for name, weights in model.state_dict().items():
        digest.update(name.encode())
        digest.update(weights.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy())
    return digest.hexdigest()


def kept_array(path: Path, make: Callable[[Path], None]) -> np.ndarray:
    """An array from the disk, made if it is not there; it is copied where it is written to, never on disk.

    Args:
        path: where it is kept, as .npy; it appears whole or not at all.
        make: writes it to the path that it is given.
    """
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        aside = path.with_name(f".{path.name}.{os.getpid()}.part")
        try:
            make(aside)
            os.replace(aside, path)
        finally:
            aside.unlink(missing_ok=True)
        _forget_unused(path.parent)
    os.utime(path)
    return np.load(path, mmap_mode="c")


def _forget_unused(folder: Path) -> None:
    """Lets the folder shrink; what a run beside this one reads is open, or was asked for lately."""
    for path in folder.glob("*.npy"):
        if path.stat().st_mtime < time.time() - UNUSED_DAYS * 24 * 3600:
            path.unlink(missing_ok=True)


__all__ = ["fingerprint", "kept_array", "key_of"]
