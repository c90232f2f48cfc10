"""The one recipe: check, train, evaluate, report, card, push. It calls; what it calls stands elsewhere."""

import copy
import shlex
import sys
import traceback
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any, cast

import torch
from transformers import PreTrainedModel, set_seed

from toolkit.adapters.base import Adapter
from toolkit.arguments import RecipeArguments, asked_for, goes_on, parse
from toolkit.card import write_card
from toolkit.data import BadData, DataArguments
from toolkit.data.aside import write_json
from toolkit.evaluation import evaluate
from toolkit.hub import masked, share_run
from toolkit.models import load_processor
from toolkit.portable import seal
from toolkit.processes import Share, any_process, fails_first, from_first, only_first_speaks, wait
from toolkit.progress import StopAtNextStep, bar_shows, ctrl_c_saves, quiet_libraries
from toolkit.rows import Examples, Rows, Streamed, encode, load_rows
from toolkit.run_folder import (
    ARGUMENTS,
    PREDICTIONS,
    RESULTS,
    Outcome,
    count_parameters,
    digest_of_rows,
    find_checkpoint,
    refuse_other_model,
    refuse_other_run,
    refuse_unwritable,
    take,
    write_skipped,
)
from toolkit.run_report import write_run_report
from toolkit.training import RecipeTrainer
from toolkit.trial import tried_here


def main(adapter_class: type[Adapter], *, job: Callable[..., object] | None = None, **defaults: Any) -> None:
    """Reads the command line and runs: the whole body of a recipe script.

    A mistake in the data or files ends the process with 1 and one line per fault, a wrong flag or value with 2, an
    interruption with 130; a traceback is shown only if `--debug` asks for it.

    Args:
        adapter_class: which modality and task.
        job: what takes the place of `run`: several runs that are compared, say.
        **defaults: flags with another default than usual.
    """
    try:
        (job or run)(*parse(adapter_class, defaults))
    except Exception as error:
        if not fails_first():
            sys.exit(1)
        if not isinstance(error, BadData | OSError | ValueError | TypeError):
            raise
        if "--debug" in sys.argv:
            traceback.print_exc()
        print(error, file=sys.stderr)
        sys.exit(1 if isinstance(error, BadData | OSError) else 2)
    except KeyboardInterrupt:
        if fails_first():
            again = shlex.join(masked(goes_on(sys.argv)))
            print(f"Stopped. To go on, run the same command again: python {again}", file=sys.stderr)
        sys.exit(130)


def run(adapter: Adapter, data: DataArguments, arguments: RecipeArguments) -> Outcome | None:
    """Trains an adapter's model and leaves a run folder that loads anywhere.

    Args:
        adapter: the modality and task.
        data: where the rows are.
        arguments: how to train; `output_dir` becomes the run folder.

    Returns:
        What came out, also written to the folder; none after `check_only`, and none in any process but the first.

    Raises:
        BadData: rows or files are wrong; every fault with file and line.
        ValueError: a flag is wrong, or flags do not fit each other.
    """
    _refuse_contradictions(adapter, data, arguments)
    if not data.check_only:
        refuse_unwritable(Path(str(arguments.output_dir)))
    quiet_libraries()
    set_seed(arguments.seed)
    share = Share(arguments.process_index, arguments.world_size)
    with only_first_speaks(share):
        rows = load_rows(adapter, data)
        if data.check_only:
            print(rows.checked())
            return None
        if data.predict_only:
            return _predict(adapter, arguments, rows, share)
        return _train_and_tell(adapter, arguments, rows, asked_for(adapter, data, arguments))


def _refuse_contradictions(adapter: Adapter, data: DataArguments, arguments: RecipeArguments) -> None:
    """Flags that are right one by one and do not fit each other."""
    if data.predict_only and adapter.model_name_or_path is None:
        raise ValueError(
            "`predict_only` needs a trained model, but `model_name_or_path` is not given. Name a run folder or Hub id."
        )
    if data.streaming and arguments.max_steps < 1 and not (data.predict_only or data.check_only):
        raise ValueError(
            f"`streaming` needs `max_steps`, since the length of a stream is not known, but it is "
            f"{arguments.max_steps}. Say after how many steps training ends."
        )
    if data.streaming and arguments.dataloader_num_workers:
        raise ValueError(
            "`dataloader_num_workers` must be 0 with `streaming`, since one process reads a stream, but is "
            f"{arguments.dataloader_num_workers}. Leave it out."
        )


def _train_and_tell(
    adapter: Adapter, arguments: RecipeArguments, rows: Rows, flags: dict[str, dict[str, Any]]
) -> Outcome | None:
    share = Share(arguments.process_index, arguments.world_size)
    checkpoint = from_first(share, lambda: find_checkpoint(arguments))
    if checkpoint is not None:
        print(f"Going on from {checkpoint}.", file=sys.stderr)
        adapter.processor = load_processor(str(checkpoint))  # type: ignore[misc]
    asked = {**flags, "rows": from_first(share, lambda: digest_of_rows(rows.splits["train"], adapter.media_column))}
    # What the first process has learnt holds for all: vocabularies that differ would be worse than none.
    adapter.processor = from_first(share, lambda: adapter.processor)  # type: ignore[misc]
    encoded = {
        name: encode(adapter, split, seed=arguments.seed if name == "train" else None)
        for name, split in rows.splits.items()
    }
    trainer = trainer_for(adapter, adapter.model(), arguments, encoded)
    if checkpoint is not None:
        refuse_other_run(asked, checkpoint)
        refuse_other_model(trainer.model, checkpoint)
    if share.process == 0:
        take(arguments, checkpoint, rows.skipped, asked)
        if checkpoint is None and adapter.columns is None:
            print(rows.columns, file=sys.stderr)
    _train(trainer, checkpoint)
    trainer.model = adapter.finished(trainer.accelerator.unwrap_model(trainer.model))
    trainer.save_model()
    final = "test" if "test" in encoded else "validation"
    outcome = partial(
        Outcome,
        folder=trainer.folder,
        task=adapter.task,
        metric=adapter.metric,
        split=final,
        data={name: (split.path, _size(encoded[name])) for name, split in rows.splits.items()},
        history=trainer.state.log_history,
        seconds=trainer.seconds,
        arguments=flags,
    )
    told = _evaluate(adapter, trainer, cast(Examples, encoded[final]), outcome)
    if told is not None:
        write_skipped(trainer.folder, rows.skipped)
        if arguments.push_to_hub:
            share_run(trainer.folder, arguments)
    wait()
    return told


def _size(rows: Examples | Streamed) -> str:
    return f"{len(rows):,} rows" if isinstance(rows, Examples) else "a stream"


def trainer_for(
    adapter: Adapter, model: PreTrainedModel, asked: RecipeArguments, encoded: Mapping[str, Examples | Streamed]
) -> RecipeTrainer:
    """What trains a model as the flags say.

    Args:
        adapter: of the rows.
        model: is told how to write, where it writes freely.
        asked: stay as they are, for another run and for the record.
        encoded: rows to train on, and to validate by.
    """
    arguments = copy.copy(asked)
    arguments.push_to_hub = False  # we share the folder once, when it is whole
    arguments.dataloader_pin_memory &= torch.accelerator.is_available()
    if arguments.learning_rate is None:
        arguments.learning_rate = 1e-3 if adapter.model_name_or_path is None else 5e-5
    if hasattr(getattr(model, "config", None), "label_smoothing"):  # our models smooth inside the fused loss
        model.config.label_smoothing, arguments.label_smoothing_factor = arguments.label_smoothing_factor, 0.0
    forces = arguments.teacher_forcing_ratio == 1 and arguments.scheduled_sampling == "constant"
    if not forces and not hasattr(model, "teacher_forcing_ratio"):
        raise ValueError(
            f"`teacher_forcing_ratio` and `scheduled_sampling` need a decoder that reads step by step, but "
            f"{type(model).__name__} does not. Leave them away, or train a recurrent model."
        )
    _set_generation(model, adapter, encoded["train"])
    better = adapter.score([""], [""], only=adapter.metric)[adapter.metric].higher_is_better
    arguments.metric_for_best_model, arguments.greater_is_better = f"eval_{adapter.metric}", better
    averaged = arguments.average_checkpoints
    arguments.save_total_limit = max(arguments.save_total_limit or 2, averaged + 1 if averaged > 1 else 1)
    return RecipeTrainer(
        adapter, model=model, args=arguments, train_dataset=encoded["train"], eval_dataset=encoded["validation"]
    )


def _set_generation(model: PreTrainedModel, adapter: Adapter, rows: Examples | Streamed) -> None:
    """Saves how to write with the model, with room for half as much again as the longest target."""
    if not adapter.generates:
        return
    settings = model.generation_config
    settings.update(**adapter.generation)
    longest = rows.longest_target if isinstance(rows, Examples) else None
    longest = 200 if longest is None else longest
    room = longest + longest // 2 + 10
    most = [getattr(model.config, name, None) for name in ("max_position_embeddings", "max_target_positions")]
    room = min([room, *(positions - adapter.prompt_labels for positions in most if positions is not None)])
    if (settings.max_new_tokens or settings.max_length or 0) < room:
        settings.max_new_tokens, settings.max_length = room, None


def _train(trainer: RecipeTrainer, checkpoint: Path | None) -> None:
    """Trains, keeps the better of the best checkpoint and the mean of the last ones."""
    stop = StopAtNextStep()
    with bar_shows(trainer), ctrl_c_saves(stop):
        trainer.add_callback(stop)
        torch.manual_seed(trainer.args.seed + trainer.share.process)  # or all would drop out alike
        trainer.train(resume_from_checkpoint=None if checkpoint is None else str(checkpoint))
    if any_process(stop.asked):
        raise KeyboardInterrupt
    if trainer.args.average_checkpoints > 1:
        trainer.try_average()


def _evaluate(
    adapter: Adapter, trainer: RecipeTrainer, rows: Examples, outcome_of: Callable[..., Outcome]
) -> Outcome | None:
    """Scores the final model as it will be served, and writes all that a reader wants to see."""
    model = trainer.accelerator.unwrap_model(trainer.model)
    size, path = trainer.args.per_device_eval_batch_size, trainer.folder / PREDICTIONS
    evaluation = evaluate(model, adapter, rows, path, batch_size=size, share=trainer.share)
    if evaluation is None:
        return None
    outcome = outcome_of(evaluation=evaluation, parameters=count_parameters(model))
    write_run_report(outcome, adapter, model)
    trial = tried_here(adapter, model, evaluation.records)
    write_card(outcome, adapter, trial)
    write_json(trainer.folder / RESULTS, outcome.numbers())
    seal(trainer.folder, trial)
    outcome.print_scores()
    print(f"Report: {trainer.folder / 'report.html'}")
    return outcome


def _predict(adapter: Adapter, arguments: RecipeArguments, rows: Rows, share: Share) -> Outcome | None:
    """Writes predictions of a trained model, and scores where there are references; goes on where it was killed."""
    folder = Path(str(arguments.output_dir))
    if (folder / ARGUMENTS).exists() and not arguments.overwrite_output_dir:
        raise ValueError(
            f"`output_dir` must not be that of a training, whose predictions would be lost, but {folder} is. Name "
            "another folder, or give `overwrite_output_dir`."
        )
    split = rows.splits.get("test") or rows.splits["validation"]
    model = adapter.model()
    encoded = cast(Examples, encode(adapter, split))
    _set_generation(model, adapter, encoded)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / RESULTS).unlink(missing_ok=True)
    model.to(arguments.device)  # type: ignore[arg-type]
    size, path = arguments.per_device_eval_batch_size, folder / PREDICTIONS
    evaluation = evaluate(model, adapter, encoded, path, batch_size=size, share=share, resumes=True)
    if evaluation is None:
        return None
    data = {split.name: (split.path, _size(encoded))}
    outcome = Outcome(folder, adapter.task, adapter.metric, split.name, data, evaluation)
    write_skipped(folder, rows.skipped)
    if evaluation.scores:
        write_json(folder / RESULTS, outcome.numbers())
    outcome.print_scores()
    print(f"Predictions: {evaluation.path}")
    return outcome


__all__ = ["main", "run", "trainer_for"]
