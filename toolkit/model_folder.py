"""A look at a model folder before it is loaded, so that a damaged or hostile one costs one sentence."""

import json
import math
import re
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open

MOST_BYTES = 1 << 28  # of a JSON file; the largest tokenizers have an eighth of it
MOST_NUMBER = 1 << 21  # in a processor's settings: samples, rates and sizes stay below
_READ = re.compile(r"(?:\w+_)?config|tokenizer|special_tokens_map|added_tokens|vocab|model\.safetensors\.index")
"""Names of the JSON files that the libraries read while they load a model."""
_SIZES = re.compile(r"(?:vocab|hidden|embedding|intermediate|feature)_size|d_model|\w+_(?:layers|heads|ffn_dim)")


@contextmanager
def one_sentence(model: object, arguments: Collection[str] = ()) -> Iterator[None]:
    """Checks a folder, and turns whatever the libraries raise while they load it into one sentence that names it.

    What is no folder on this machine is left to them; so are models in memory, and complaints about an argument.

    Args:
        model: a folder, a Hub id, or a model in memory.
        arguments: names of what else the caller gave.

    Raises:
        ValueError: the folder cannot be loaded.
        OSError: a file of it is not there.
    """
    if not isinstance(model, str | Path):
        yield
        return
    if Path(model).is_dir():
        _check(Path(model))
    try:
        yield
    except (KeyboardInterrupt, SystemExit, GeneratorExit):
        raise
    except BaseException as error:  # a panic of Rust, in which tokenizers are written, is no Exception
        told = (str(error).strip() or type(error).__name__).splitlines()
        names_model = isinstance(error, ValueError | OSError) and str(model) in str(error)
        if names_model or any(name in str(error) for name in arguments) or arguments and isinstance(error, ImportError):
            raise
        reason = " ".join(line.strip() for line in told[:2]).rstrip(".")
        kind = type(error) if isinstance(error, OSError) else ValueError
        raise kind(f"`{model}` cannot be loaded ({reason}). Download or train it again.") from error


def _check(folder: Path) -> None:
    """Raises where a file is no JSON object, or asks for more memory than the weights can be meant for."""
    for path in sorted([*folder.glob("*.json"), *folder.glob("[!.]*/*.json")]):
        if not _READ.fullmatch(path.stem) or "checkpoint-" in str(path.relative_to(folder).parent):
            continue
        settings = _object(path)
        if path.name in ("processor_config.json", "preprocessor_config.json"):
            for name, number in _numbers(settings):
                if not abs(number) <= MOST_NUMBER:
                    _refuse(path, f"`{name}` is {number}, beyond anything that a model reads")
    if (folder / "config.json").is_file():
        _check_sizes(folder / "config.json")


def _object(path: Path) -> dict[str, Any]:
    if path.stat().st_size > MOST_BYTES:
        _refuse(path, f"it is larger than {MOST_BYTES:,} bytes")
    try:
        settings = json.loads(path.read_bytes())
    except (ValueError, RecursionError) as error:
        _refuse(path, f"it is not valid JSON: {error}")
    if not isinstance(settings, dict) and path.name in ("config.json", "generation_config.json", "tokenizer.json"):
        _refuse(path, "it holds no JSON object")
    return settings if isinstance(settings, dict) else {}


def _numbers(settings: Any, name: str = "") -> Iterator[tuple[str, float]]:
    """Every number of some settings with its name."""
    if isinstance(settings, dict | list):
        pairs = settings.items() if isinstance(settings, dict) else ((name, value) for value in settings)
        for inner, value in pairs:
            yield from _numbers(value, inner)
    elif isinstance(settings, int | float) and not isinstance(settings, bool):
        yield name, settings


def _check_sizes(config: Path) -> None:
    """A model cannot be wider than its weights are many, nor have more layers than they have names."""
    tensors = count = 0
    for path in sorted(config.parent.glob("*.safetensors")):
        try:
            with safe_open(path, "pt") as weights:
                for name in weights.keys():  # noqa: SIM118 (not a dict)
                    tensors, count = tensors + 1, count + math.prod(weights.get_slice(name).get_shape())
        except SafetensorError as error:
            _refuse(path, f"its weights cannot be read ({error})")
    for name, number in _numbers(_object(config)):
        most = tensors if name.endswith("_layers") else count
        if count and _SIZES.fullmatch(name) and number > most:
            _refuse(config, f"`{name}` is {number:,}, but there are only {tensors:,} weights of {count:,} numbers")


def _refuse(path: Path, problem: str) -> None:
    raise ValueError(f"`{path}` cannot be used: {problem}. Download or train the model again.")


__all__ = ["one_sentence"]
