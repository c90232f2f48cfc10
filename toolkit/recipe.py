"""The one recipe: check, train, evaluate, report, card, push. It calls; what it calls stands elsewhere."""

import sys
import time
import traceback
from collections.abc import Callable, Mapping
from dataclasses import asdict, fields, replace
from functools import partial
from pathlib import Path
from typing import Any

import transformers
from datasets import Dataset, IterableDataset, disable_progress_bars
from transformers import EarlyStoppingCallback, HfArgumentParser, PreTrainedModel, set_seed
from transformers.trainer_callback import PrinterCallback, ProgressCallback

from toolkit.adapters.base import Adapter
from toolkit.card import write_card
from toolkit.data import BadData, DataArguments, Fault, Split, load_splits
from toolkit.evaluation import evaluate
from toolkit.hub import push
from toolkit.models import load_processor, save_portable
from toolkit.progress import Progress, StopAtNextStep, ctrl_c_saves
from toolkit.run_folder import (
    ARGUMENTS,
    RESULTS,
    SKIPPED,
    Outcome,
    claim,
    count_parameters,
    refuse_other_model,
    write_json,
)
from toolkit.run_report import write_run_report
from toolkit.training import RecipeArguments, RecipeTrainer, average_weights, checkpoints, load_weights


def main(adapter_class: type[Adapter], **defaults: Any) -> None:
    """Reads the command line and runs: the whole body of a recipe script.

    A mistake in the data or files ends the process with 1 and one line per fault, a wrong flag or value with 2, an
    interruption with 130; a traceback is shown only if `--debug` asks for it.

    Args:
        adapter_class: which modality and task.
        **defaults: flags with another default than usual.
    """
    try:
        run(*_parse(adapter_class, defaults))
    except (BadData, OSError, ValueError, TypeError) as error:
        if "--debug" in sys.argv:
            traceback.print_exc()
        print(error, file=sys.stderr)
        sys.exit(1 if isinstance(error, BadData | OSError) else 2)
    except KeyboardInterrupt:
        print(f"Stopped. To go on, run the same command again: python {' '.join(sys.argv)}", file=sys.stderr)
        sys.exit(130)


def run(adapter: Adapter, data: DataArguments, arguments: RecipeArguments) -> Outcome | None:
    """Trains an adapter's model and leaves a run folder that loads anywhere.

    Args:
        adapter: the modality and task.
        data: where the rows are.
        arguments: how to train; `output_dir` becomes the run folder.

    Returns:
        What came out, also written to the folder; none after `check_only`.

    Raises:
        BadData: rows or files are wrong; every fault with file and line.
        ValueError: a flag is wrong, or flags do not fit each other.
    """
    _quiet()
    set_seed(arguments.seed)
    splits, skipped = _load(adapter, data)
    if data.check_only:
        print(f"No faults in {', '.join(f'{name} ({_size(split.dataset)})' for name, split in splits.items())}.")
        return None
    folder = Path(str(arguments.output_dir))
    if data.predict_only:
        return _predict(adapter, arguments, splits)
    checkpoint = claim(arguments)
    if skipped:
        (folder / SKIPPED).write_text("".join(f"{fault}\n" for fault in skipped), encoding="utf-8")
    if checkpoint is not None:
        print(f"Going on from {checkpoint}.", file=sys.stderr)
        adapter.processor = load_processor(str(checkpoint))  # type: ignore[misc]
    encoded = {name: _encode(adapter, split) for name, split in splits.items()}
    trainer = _trainer(adapter, arguments, encoded)
    if checkpoint is not None:
        refuse_other_model(trainer.model, checkpoint)
    final = "test" if "test" in encoded else "validation"
    finish = partial(
        Outcome,
        folder=folder,
        task=adapter.task,
        metric=adapter.metric,
        split=final,
        data={name: (split.path, _size(encoded[name])) for name, split in splits.items()},
        arguments=_flags(adapter, data, arguments),
        seconds=_train(trainer, checkpoint),
    )
    trainer.save_model()
    outcome = None
    if trainer.is_world_process_zero():
        outcome = _evaluate(adapter, trainer, encoded[final], finish)
        if arguments.push_to_hub:
            repo_id, private = arguments.hub_model_id or folder.resolve().name, arguments.hub_private_repo
            print(f"Shared: {push(folder, repo_id, private=private, token=arguments.hub_token)}")
    trainer.accelerator.wait_for_everyone()
    return outcome


def _parse(adapter_class: type[Adapter], defaults: Mapping[str, Any]) -> tuple[Any, DataArguments, RecipeArguments]:
    groups = (adapter_class, DataArguments, RecipeArguments)
    unknown = defaults.keys() - {field.name for group in groups for field in fields(group)}  # type: ignore[arg-type]
    if unknown:
        raise TypeError(f"{adapter_class.__name__} recipes have no flag named {', '.join(sorted(unknown))}.")
    parser = HfArgumentParser(groups, description=sys.modules["__main__"].__doc__)
    parser.set_defaults(**{"output_dir": f"runs/{adapter_class.task}", **defaults})
    return parser.parse_args_into_dataclasses()  # type: ignore[return-value]


def _quiet() -> None:
    """Leaves the screen to our own bar and lines."""
    disable_progress_bars()
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()


def _load(adapter: Adapter, data: DataArguments) -> tuple[dict[str, Split], list[Fault]]:
    """The splits without their faulty rows, and the faults, which end the run unless they may be skipped."""
    splits = _read(adapter, data)
    adapter.fit(splits)
    stored = {name: split for name, split in splits.items() if isinstance(split.dataset, Dataset)}
    found = [fault for split in stored.values() for fault in split.faults]
    unsound = list(adapter.check(stored))
    if (found or unsound) and not data.skip_bad:
        raise BadData([*found, *unsound])
    wrong = {(fault.path, fault.line) for fault in unsound}
    for name, split in stored.items():
        if any(path == split.path for path, _ in wrong):
            rows = split.dataset.filter(lambda row, path=split.path: (path, row["line"]) not in wrong)
            splits[name] = replace(split, dataset=rows)
    for name, split in splits.items():
        if isinstance(split.dataset, IterableDataset):
            splits[name] = replace(split, dataset=_guarded(adapter, split, skip_bad=data.skip_bad))
        elif not len(split.dataset):
            raise BadData([Fault(split.path, None, "has no sound row left. Correct the ones listed.")])
    if found or unsound:
        adapter.fit(splits)
        print(f"{len(found) + len(unsound)} faulty rows are left out; {SKIPPED} lists them.", file=sys.stderr)
    return splits, [*found, *unsound]


def _read(adapter: Adapter, data: DataArguments) -> dict[str, Split]:
    """All splits; to predict, the target column may be missing."""
    try:
        return load_splits(data, adapter.columns)
    except BadData:
        if not data.predict_only or adapter.columns is None:
            raise
        return load_splits(data, adapter.columns[:1])


def _guarded(adapter: Adapter, split: Split, *, skip_bad: bool) -> IterableDataset:
    """A stream that is checked row by row, since nobody can look at all of it beforehand."""

    def sound(row: Mapping[str, Any]) -> bool:
        sentence = adapter.check_row(row)
        if sentence is not None and not skip_bad:
            raise BadData([Fault(split.path, row["line"], sentence)])
        return sentence is None

    return split.dataset.filter(sound)


def _size(rows: Dataset | IterableDataset) -> str:
    return f"{len(rows):,} rows" if isinstance(rows, Dataset) else "a stream"


def _encode(adapter: Adapter, split: Split) -> Dataset | IterableDataset:
    """Rows with model inputs and labels; what is evaluated is stored, what is trained on may stream."""
    encoded = split.dataset.map(adapter.encode)
    if split.name == "train" or isinstance(encoded, Dataset):
        return encoded
    return Dataset.from_list(list(encoded))


def _trainer(
    adapter: Adapter, arguments: RecipeArguments, encoded: Mapping[str, Dataset | IterableDataset]
) -> RecipeTrainer:
    model = adapter.model()
    fresh = adapter.model_name_or_path is None
    if arguments.learning_rate is None:
        arguments.learning_rate = 1e-3 if fresh else 5e-5
    if hasattr(model.config, "label_smoothing"):  # our models smooth inside the fused loss
        model.config.label_smoothing, arguments.label_smoothing_factor = arguments.label_smoothing_factor, 0.0
    if adapter.generates:
        _set_generation(model, adapter, encoded["train"], fresh=fresh)
    better = adapter.score([""], [""], only=adapter.metric)[adapter.metric].higher_is_better
    arguments.metric_for_best_model, arguments.greater_is_better = f"eval_{adapter.metric}", better
    arguments.save_total_limit = max(arguments.save_total_limit or 2, arguments.average_checkpoints)
    trainer = RecipeTrainer(
        adapter, model=model, args=arguments, train_dataset=encoded["train"], eval_dataset=encoded["validation"]
    )
    for theirs in (ProgressCallback, PrinterCallback):
        trainer.remove_callback(theirs)
    trainer.add_callback(Progress(trainer, adapter.metric))
    if arguments.early_stopping_patience is not None:
        trainer.add_callback(EarlyStoppingCallback(arguments.early_stopping_patience))
    return trainer


def _set_generation(model: PreTrainedModel, adapter: Adapter, rows: Dataset | IterableDataset, *, fresh: bool) -> None:
    """Saves how to write with the model, with room for half as much again as the longest target."""
    settings = dict(adapter.generation)
    if fresh:
        longest = max(rows["target_length"]) if isinstance(rows, Dataset) else 200
        settings["max_new_tokens"] = longest + longest // 2 + 10
    model.generation_config.update(**settings)


def _train(trainer: RecipeTrainer, checkpoint: Path | None) -> float:
    """Trains, keeps the better of the best checkpoint and the mean of the last ones; gives the seconds."""
    started = time.monotonic()
    stop = StopAtNextStep()
    trainer.add_callback(stop)
    with ctrl_c_saves(stop):
        trainer.train(resume_from_checkpoint=None if checkpoint is None else str(checkpoint))
    if stop.asked:
        raise KeyboardInterrupt
    arguments = trainer.args
    last = checkpoints(Path(arguments.output_dir))[-arguments.average_checkpoints :]
    if len(last) > 1 and arguments.average_checkpoints > 1:
        best = {name: tensor.clone() for name, tensor in trainer.model.state_dict().items()}
        load_weights(trainer.model, average_weights(last))
        reached = trainer.evaluate()[arguments.metric_for_best_model]
        worse = reached < trainer.state.best_metric if arguments.greater_is_better else reached > trainer.state.best_metric
        if worse:
            load_weights(trainer.model, best)
    return time.monotonic() - started


def _evaluate(adapter: Adapter, trainer: RecipeTrainer, rows: Dataset, finish: Callable[..., Outcome]) -> Outcome:
    """Scores the final model as it will be served, and writes everything a reader wants to see."""
    folder = Path(trainer.args.output_dir)
    model = trainer.accelerator.unwrap_model(trainer.model)
    evaluation = evaluate(
        model, adapter, rows, folder / "predictions.jsonl", batch_size=trainer.args.per_device_eval_batch_size
    )
    outcome = finish(
        evaluation=evaluation, history=trainer.state.log_history, parameters=count_parameters(model)
    )
    write_json(folder / ARGUMENTS, outcome.arguments)
    write_run_report(outcome, adapter, model)
    write_card(outcome)
    write_json(folder / RESULTS, outcome.numbers())
    for score in evaluation.scores.values():
        print(score)
    print(f"Report: {folder / 'report.html'}")
    return outcome


def _predict(adapter: Adapter, arguments: RecipeArguments, splits: Mapping[str, Split]) -> Outcome:
    """Writes predictions of a trained model, and scores where there are references."""
    folder = Path(str(arguments.output_dir))
    split = splits.get("test") or splits["validation"]
    rows = _encode(adapter, split)
    model = adapter.model()
    model.generation_config.update(**adapter.generation)
    folder.mkdir(parents=True, exist_ok=True)
    evaluation = evaluate(
        model.to(arguments.device),
        adapter,
        rows,
        folder / "predictions.jsonl",
        batch_size=arguments.per_device_eval_batch_size,
    )
    data = {split.name: (split.path, _size(rows))}
    outcome = Outcome(folder, adapter.task, adapter.metric, split.name, data, evaluation)
    if evaluation.scores:
        write_json(folder / RESULTS, outcome.numbers())
    for score in evaluation.scores.values():
        print(score)
    print(f"Predictions: {evaluation.path}")
    return outcome


def _flags(adapter: Adapter, data: DataArguments, arguments: RecipeArguments) -> dict[str, dict[str, Any]]:
    """Everything that was asked for, by owner; tokens are masked."""
    own = {field.name: getattr(adapter, field.name) for field in fields(adapter)}  # type: ignore[arg-type]
    return {"adapter": own, "data": asdict(data), "training": arguments.to_dict()}


__all__ = ["main", "run"]
