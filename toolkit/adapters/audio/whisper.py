"""Whisper as a learner of the user's recordings: its languages, its window, its prompt, its time labels."""

from collections.abc import Mapping, Sequence
from typing import Any
from unicodedata import normalize

from torch import Tensor, nn
from transformers import GenerationConfig, WhisperForConditionalGeneration, WhisperProcessor

from toolkit.adapters.audio.cues import Cue
from toolkit.adapters.audio.engines_whisper import TICK_SECONDS
from toolkit.adapters.audio.languages import code, language_ids

TASKS = ("transcribe", "translate")


def saved_settings(name_or_path: str) -> GenerationConfig:
    """How a checkpoint says that it writes; older ones say so in their `config.json`."""
    try:
        return GenerationConfig.from_pretrained(name_or_path)
    except OSError:
        return GenerationConfig.from_pretrained(name_or_path, config_file_name="config.json", _from_model_config=True)


def complete(settings: Any, tokenizer: Any, *, multilingual: bool) -> None:
    """Adds what older checkpoints do not say and `generate` wants to know: the tokens of languages, tasks, times.

    Args:
        settings: of a model, changed in place; what they say stays.
        tokenizer: Whisper's.
        multilingual: whether it knows many languages.
    """
    known = tokenizer.get_vocab()
    missing: dict[str, Any] = {"is_multilingual": multilingual, "no_timestamps_token_id": known["<|notimestamps|>"]}
    if multilingual:
        missing["lang_to_id"] = language_ids(tokenizer)
        missing["task_to_id"] = {task: known[f"<|{task}|>"] for task in TASKS}
    for name, value in missing.items():
        if getattr(settings, name, None) is None:
            setattr(settings, name, value)


def cut_features(processor: WhisperProcessor, seconds: int) -> None:
    """Shortens what is computed of a recording, so that short ones do not cost 30 seconds each.

    Args:
        processor: changed in place; must be saved with the model, whose positions are cut alike.
        seconds: at most the window that the model has; whole ones, as its feature extractor counts them.
    """
    if not 0 < seconds <= window_seconds(processor):
        raise ValueError(
            f"`window_seconds` must be above 0 and at most {window_seconds(processor):g}, what the model was trained "
            f"with, but is {seconds}. Leave the flag away to keep the whole window."
        )
    features: Any = processor.feature_extractor
    features.chunk_length = seconds
    features.n_samples = seconds * features.sampling_rate
    features.nb_max_frames = features.n_samples // features.hop_length


def cut_positions(model: WhisperForConditionalGeneration, seconds: int) -> None:
    """Shortens what the encoder reads at once: the first rows of the position table stay.

    A model that was trained on 30 seconds must be trained again with the shorter window before it writes sense.

    Args:
        model: changed in place.
        seconds: as for `cut_features`.
    """
    positions, encoder = round(seconds / TICK_SECONDS), model.model.encoder
    table = encoder.embed_positions.weight[:positions].detach().clone()
    encoder.embed_positions = nn.Embedding.from_pretrained(table, freeze=True)
    encoder.max_source_positions = positions
    model.config.max_source_positions = positions


def window_seconds(processor: WhisperProcessor) -> float:
    """How much of a recording the encoder reads at once."""
    features: Any = processor.feature_extractor
    return features.n_samples / features.sampling_rate


def prompt(tokenizer: Any, *, language: str | None, task: str | None, timestamps: bool) -> list[int]:
    """What the decoder is given before the text: start, language and task where they are given, `<|notimestamps|>`.

    Raises:
        ValueError: Whisper does not know the language.
    """
    names = ["startoftranscript", *([] if language is None else [code(language), task])]
    names += [] if timestamps else ["notimestamps"]
    return [tokenizer.convert_tokens_to_ids(f"<|{name}|>") for name in names]


def label_ids(tokenizer: Any, prompt_ids: Sequence[int], cues: Sequence[Cue]) -> list[int]:
    """The target of one example (Radford et al., 2023, 2.3): the prompt but its first label, timed cues, the end.

    Args:
        tokenizer: Whisper's.
        prompt_ids: see `prompt`.
        cues: in their order; times that are none are not written.
    """
    first_time = tokenizer.convert_tokens_to_ids("<|notimestamps|>") + 1
    ids = list(prompt_ids[1:])
    for cue in cues:
        text = f" {normalize('NFC', cue.text.strip())}"
        spoken = tokenizer(text, add_special_tokens=False, split_special_tokens=True)["input_ids"]
        ends = (cue.start_seconds, cue.end_seconds)
        times = [[] if time is None else [first_time + round(time / TICK_SECONDS)] for time in ends]
        ids += [*times[0], *spoken, *times[1]]
    return [*ids, tokenizer.eos_token_id]


def low_rank(model: WhisperForConditionalGeneration, rank: int, *, decoder_only: bool) -> Any:
    """Freezes a model and lets updates of this rank of its query and value projections be trained instead.

    Args:
        model: changed in place.
        rank: of the updates.
        decoder_only: whether the encoder stays as it is.

    Returns:
        peft's tuner, whose `merge_and_unload` adds the updates to the weights.

    Raises:
        ImportError: peft is missing.
    """
    try:
        from peft import LoraConfig, LoraModel
    except ImportError as error:
        raise ImportError(
            "`lora_rank` needs the library peft, which is not installed. In the clone, run: pip install -e '.[lora]'"
        ) from error
    side = r"model\.decoder" if decoder_only else r"model"
    settings = LoraConfig(r=rank, lora_alpha=2 * rank, target_modules=rf"{side}\..*\.(q|v)_proj")
    return LoraModel(model, {"default": settings}, "default")


def write(model: Any, batch: Mapping[str, Tensor], prompt_ids: Sequence[int], **generation: Any) -> list[list[int]]:
    """What `generate` gives, with the prompt that it cuts off, and the end where a text came to one."""
    limit = generation.get("max_new_tokens") or model.generation_config.max_new_tokens
    end = model.generation_config.eos_token_id
    written = []
    for row in model.generate(**batch, **generation).tolist():
        ids = row[: row.index(end)] if end in row else row
        finished = end in row or limit is None or len(ids) < limit
        written.append([*prompt_ids[1:], *ids, *([end] if finished else [])])
    return written


__all__ = [
    "TASKS",
    "complete",
    "cut_features",
    "cut_positions",
    "label_ids",
    "low_rank",
    "prompt",
    "saved_settings",
    "window_seconds",
    "write",
]
