"""The flags of a run, and the command line that sets them."""

import difflib
import json
import sys
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from typing import Any

import torch
from transformers import HfArgumentParser, Seq2SeqTrainingArguments

from toolkit.adapters.base import Adapter
from toolkit.data import DataArguments

SCHEDULES = ("constant", "linear", "inverse_sigmoid")
COUNTS = (
    *("per_device_train_batch_size", "per_device_eval_batch_size", "gradient_accumulation_steps"),
    *("tokens_per_batch", "early_stopping_patience", "average_checkpoints"),
)
UNUSED = {
    **dict.fromkeys(("metric_for_best_model", "greater_is_better"), "`metric` selects the checkpoint"),
    **dict.fromkeys(
        ("generation_max_length", "generation_config"), "outputs may be half as long again as the longest target"
    ),
    **dict.fromkeys(
        ("train_sampling_strategy", "sortish_sampler", "length_column_name"), "a batch holds rows of about one length"
    ),
    "dataloader_drop_last": "every row is trained on",
    "data_seed": "`seed` orders the rows too",
    "do_predict": "`predict_only` predicts without training",
    **dict.fromkeys(("fp16_full_eval", "bf16_full_eval"), "what is evaluated is the model as it is saved"),
    **dict.fromkeys(
        ("dataloader_prefetch_factor", "dataloader_persistent_workers"),
        "`dataloader_num_workers` is all that is heeded",
    ),
    "predict_with_generate": "every evaluation writes freely",
    **dict.fromkeys(
        ("prediction_loss_only", "batch_eval_metrics", "eval_accumulation_steps", "label_names"),
        "an evaluation writes its rows to disk one batch after the other",
    ),
}
"""Flags of the library that change nothing here, and what takes their place."""
FILLED_IN = {"metric_for_best_model": ("loss",), "greater_is_better": (False,)}


@dataclass
class RecipeArguments(Seq2SeqTrainingArguments):
    """Every flag of `Seq2SeqTrainingArguments` under its own name, with defaults for small data, and a few more."""

    learning_rate: float | None = field(  # type: ignore[assignment]  # a number before the library looks at it
        default=None, metadata={"help": "Peak; none: 1e-3 fresh, 5e-5 pretrained."}
    )
    num_train_epochs: float = field(default=20.0, metadata={"help": "Passes over the training rows."})
    per_device_train_batch_size: int = field(default=64, metadata={"help": "The most rows in a batch."})
    per_device_eval_batch_size: int = field(default=64, metadata={"help": "Rows in a batch of an evaluation."})
    lr_scheduler_type: str = field(default="linear", metadata={"help": "How the learning rate falls."})
    warmup_steps: float = field(default=0.05, metadata={"help": "Steps, or below 1 share of them, of rising rate."})
    optim: str = field(default="adamw_torch_fused", metadata={"help": "Optimizer."})
    eval_strategy: str = field(default="epoch", metadata={"help": "When to score the validation rows."})
    save_strategy: str = field(default="epoch", metadata={"help": "When to save; best checkpoints want the same."})
    load_best_model_at_end: bool = field(default=True, metadata={"help": "Keep the best checkpoint, not the last."})
    logging_steps: float = field(default=50, metadata={"help": "Steps between two entries of the log."})
    report_to: str = field(default="none", metadata={"help": "Where else to log: tensorboard, wandb, ..."})
    overwrite_output_dir: bool = field(default=False, metadata={"help": "Start anew where a run has been."})
    tokens_per_batch: int | None = field(
        default=None, metadata={"help": "The most source plus target steps in a batch, padding included."}
    )
    shortest_first_epochs: int = field(
        default=0, metadata={"help": "In so many first epochs the shortest rows come first."}
    )
    early_stopping_patience: int | None = field(
        default=None, metadata={"help": "Stop after so many evaluations without a better score."}
    )
    average_checkpoints: int = field(
        default=1, metadata={"help": "Also try the mean of so many last checkpoints, and keep the better."}
    )
    scheduled_sampling: str = field(
        default="constant",
        metadata={
            "help": "How the share of right words that the decoder reads falls to `teacher_forcing_ratio`.",
            "choices": list(SCHEDULES),
        },
    )
    teacher_forcing_ratio: float = field(
        default=1.0, metadata={"help": "Share of right words that the decoder reads at the end of training."}
    )
    report_media: str = field(
        default="auto",
        metadata={
            "help": "Sound and videos in the report, beside it in report_media/, or beside it only above 3 MB.",
            "choices": ["auto", "embed", "beside"],
        },
    )
    debug: bool = field(default=False, metadata={"help": "Show the traceback of a mistake."})  # type: ignore[assignment]

    def __post_init__(self) -> None:
        self.debug = ""  # type: ignore[assignment]  # the library means something else by it; `main` reads ours
        if not 0 <= self.teacher_forcing_ratio <= 1:
            raise ValueError(
                f"`teacher_forcing_ratio` must lie between 0 and 1, but is {self.teacher_forcing_ratio}. "
                "It is the share of right words that the decoder reads at the end."
            )
        for name in COUNTS:
            value = getattr(self, name)
            if value is not None and value < 1:
                raise ValueError(f"`{name}` must be at least 1, but is {value}. Leave the flag away for its default.")
        for name in ("learning_rate", "num_train_epochs"):
            value = getattr(self, name)
            if value is not None and not value > 0:
                raise ValueError(f"`{name}` must be above 0, but is {value}. Leave the flag away for its default.")
        for flag in fields(self):
            # What the library itself puts there is no wish of anybody, when arguments are made out of others.
            if flag.name in UNUSED and getattr(self, flag.name) not in (flag.default, *FILLED_IN.get(flag.name, ())):
                raise ValueError(f"`{flag.name}` has no effect here: {UNUSED[flag.name]}. Leave it away.")
        # Or several processes of a machine that has nothing else would each train alone, in the same folder.
        self.use_cpu = self.use_cpu or not torch.accelerator.is_available()
        super().__post_init__()
        if self.bf16 and self.device.type == "cpu" and not processor_knows_bf16():
            raise ValueError(
                "`bf16` needs a GPU or a processor that computes in bfloat16 (AVX512-BF16 or AMX), but this one does "
                "not. Leave the flag away: in float32 the same training is several times faster here."
            )
        if self.early_stopping_patience is not None and self.eval_strategy == "no":
            raise ValueError(
                "`early_stopping_patience` counts evaluations, but `eval_strategy` is no. Choose epoch or steps."
            )


def processor_knows_bf16() -> bool:
    """Whether the CPU has bfloat16 products; without them torch's recurrent layers fail and the rest crawls."""
    return bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())


def parse(adapter_class: type[Adapter], defaults: Mapping[str, Any]) -> tuple[Any, DataArguments, RecipeArguments]:
    """Reads the command line: one flag for each field of the adapter, the data arguments and the recipe arguments.

    Raises:
        TypeError: a flag, or a name in `defaults`, belongs to none of them.
        ValueError: a value cannot be meant.
    """
    groups: list[Any] = [adapter_class, DataArguments, RecipeArguments]
    known = [field.name for group in groups for field in fields(group)]
    parser = HfArgumentParser(
        groups, description=sys.modules["__main__"].__doc__, usage="%(prog)s [--flag value ...]", allow_abbrev=False
    )
    parser.set_defaults(**{"output_dir": f"runs/{adapter_class.task}", **defaults})
    *parsed, unknown = parser.parse_args_into_dataclasses(return_remaining_strings=True)
    flags = [word.partition("=")[0].lstrip("-").replace("-", "_") for word in unknown if word.startswith("--")]
    flags += sorted(defaults.keys() - known)
    for flag in flags:
        near = difflib.get_close_matches(flag, known, n=1)
        raise TypeError(f"There is no flag `--{flag}`.{f' Did you mean `--{near[0]}`?' if near else ''} See `--help`.")
    if unknown:
        raise TypeError(f"{unknown[0]!r} belongs to no flag. Quote values that have spaces.")
    return tuple(parsed)  # type: ignore[return-value]


def asked_for(adapter: Adapter, data: DataArguments, arguments: RecipeArguments) -> dict[str, dict[str, Any]]:
    """Every flag, by owner; tokens are masked."""
    own = {field.name: getattr(adapter, field.name) for field in fields(adapter)}  # type: ignore[arg-type]
    return {"adapter": own, "data": asdict(data), "training": arguments.to_dict()}


def changed_flags(before: Mapping[str, Any], now: Mapping[str, Any], *, may_differ: Collection[str]) -> list[str]:
    """The flags that have another value now, in words; what the earlier version did not know is no difference.

    Args:
        before: values by flag, as they were written.
        now: as they are given.
        may_differ: flags of which that says nothing.

    >>> changed_flags({"hidden_size": 16, "seed": 1}, {"hidden_size": 20, "seed": 2, "new": 0}, may_differ=["seed"])
    ['`hidden_size` 16 there, 20 here']
    """
    read: dict[str, Any] = json.loads(json.dumps(now, default=str))
    return [
        f"`{flag}` {before[flag]} there, {value} here"
        for flag, value in read.items()
        if flag in before and flag not in may_differ and before[flag] != value
    ]


def goes_on(words: Sequence[str]) -> list[str]:
    """A command line without the flags that would not let it go on from its last checkpoint.

    >>> goes_on(["recipe.py", "--overwrite_output_dir", "true", "--seed", "1"])
    ['recipe.py', '--seed', '1']
    """
    kept: list[str] = []
    drops = False
    for word in words:
        if word.startswith("--"):
            name = word.partition("=")[0].replace("-", "_")
            drops = name in ("__overwrite_output_dir", "__resume_from_checkpoint")
        kept += [] if drops else [word]
    return kept


__all__ = ["SCHEDULES", "RecipeArguments", "asked_for", "changed_flags", "goes_on", "parse"]
