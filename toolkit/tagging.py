"""A network that writes while it reads, beside the Seq2Seq that reads first: the same rows, the same vocabularies."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any, ClassVar, cast

from torch import Tensor, nn
from transformers import PreTrainedModel, set_seed
from transformers.trainer_callback import PrinterCallback, ProgressCallback

from toolkit.adapters.text import TextToText
from toolkit.adapters.tokenizers import end_id
from toolkit.arguments import RecipeArguments
from toolkit.comparison import PAGE, side_by_side, train_once
from toolkit.data import DataArguments
from toolkit.evaluation import Column, evaluate
from toolkit.progress import Progress
from toolkit.recipe import run
from toolkit.report import Section, facts, score_table, write_page
from toolkit.rows import Examples, encode, load_rows
from toolkit.run_folder import PREDICTIONS
from toolkit.training import RecipeTrainer

SEQ2SEQ, TAGGER = "Seq2Seq", "tagger"


@dataclass
class Tagging(TextToText):
    """Pairs of texts of equal length: a target token for each source token."""

    generates: ClassVar[bool] = False

    def labels(self, row: Mapping[str, Any]) -> list[int]:
        """The target's ids, as many as the source has; a shorter target goes on with its end, a longer one is cut."""
        ids, steps = super().labels(row), len(self.inputs(row)["input_ids"])
        return [*ids, *ids[-1:] * steps][:steps]

    def write(self, model: PreTrainedModel, batch: Mapping[str, Tensor], **generation: Any) -> list[list[int]]:
        """The likeliest label at each token of each source, up to the first end."""
        end = end_id(self._target_tokenizer)
        rows = zip(model(**batch).logits.argmax(-1).tolist(), batch["attention_mask"].sum(1).tolist(), strict=True)
        return [ids[: ids.index(end) if end in ids[:steps] else steps] for ids, steps in rows]


def compare_with_tagger(
    adapter: TextToText,
    data: DataArguments,
    arguments: RecipeArguments,
    *,
    title: str,
    tagger: Callable[[int, int, int], nn.Module],
) -> Path | None:
    """Runs the recipe, trains a tagger on the same rows in the same vocabularies, and sets both side by side.

    Give it to `toolkit.main` as its `job`. A run that is finished is not trained again; the tagger is, and of it only
    its predictions are kept.

    Args:
        adapter: of the recipe.
        data: where the rows are.
        arguments: how to train both; the folders of both, and the page, come into `output_dir`.
        title: of the page.
        tagger: from the sizes of both vocabularies and `hidden_size` to a network, which has a `device` and makes of
            `input_ids` (B, S) and `labels` (B, S) a `loss` and `logits` (B, S, V).

    Returns:
        The page; none after `check_only`, and none in any process but the first.

    Raises:
        BadData: as `toolkit.run`.
        ValueError: the folder holds another run, or the flags ask for what a tagger cannot do.
    """
    for flag in ("predict_only", "streaming"):
        if getattr(data, flag):
            raise ValueError(f"`{flag}` cannot be compared with a tagger, which is trained on rows. Leave it away.")
    if data.check_only:
        run(adapter, data, arguments)
        return None
    root = Path(str(arguments.output_dir))
    predictions = {TAGGER: root / TAGGER / PREDICTIONS, SEQ2SEQ: root / SEQ2SEQ / PREDICTIONS}
    train_once(adapter, data, replace(arguments, output_dir=str(root / SEQ2SEQ)), f"{title}: {SEQ2SEQ}")
    given = {field.name: getattr(adapter, field.name) for field in fields(adapter)}
    given |= {"tokenizer": str(root / SEQ2SEQ), "model_name_or_path": None, "bpe_dropout": 0.0}
    _train_tagger(Tagging(**given), data, arguments, predictions[TAGGER], tagger)
    if arguments.process_index:
        return None
    _write(root / PAGE, title, adapter, predictions)
    print(f"Comparison: {root / PAGE}")
    return root / PAGE


def _train_tagger(
    adapter: Tagging,
    data: DataArguments,
    arguments: RecipeArguments,
    path: Path,
    tagger: Callable[[int, int, int], nn.Module],
) -> None:
    """Trains a tagger in the recipe's batches, and writes its predictions of the rows that the run was scored on."""
    encoded = {name: encode(adapter, split) for name, split in load_rows(adapter, data).splits.items()}
    set_seed(arguments.seed)
    both = adapter.processor
    model: Any = tagger(len(both.source_tokenizer), len(both.tokenizer), adapter.hidden_size)
    settings = replace(
        arguments,
        output_dir=str(path.parent),
        learning_rate=arguments.learning_rate or 1e-3,
        label_smoothing_factor=0.0,
        scheduled_sampling="constant",
        teacher_forcing_ratio=1.0,
        eval_strategy="no",
        save_strategy="no",
        load_best_model_at_end=False,
        early_stopping_patience=None,
        average_checkpoints=1,
        push_to_hub=False,
    )
    trainer = RecipeTrainer(
        adapter, model=model, args=settings, train_dataset=encoded["train"], eval_dataset=encoded["validation"]
    )
    for theirs in (ProgressCallback, PrinterCallback):
        trainer.remove_callback(theirs)
    progress = Progress(trainer, adapter.metric)
    trainer.add_callback(progress)
    try:
        trainer.train()
    finally:
        progress.bar.close()  # or an error would be told on its line
    path.parent.mkdir(parents=True, exist_ok=True)
    rows = cast(Examples, encoded.get("test", encoded["validation"]))
    evaluate(model, adapter, rows, path, batch_size=arguments.per_device_eval_batch_size, share=trainer.share)


def _write(path: Path, title: str, adapter: TextToText, predictions: Mapping[str, Path]) -> None:
    scores = {
        f"{name.replace('_', ' ')}, {who}": score
        for name in ("exact_match", "chrf")
        for who, said in predictions.items()
        for score in adapter.score(Column(said, "prediction"), Column(said, "reference"), only=name).values()
    }
    for name, score in scores.items():
        print(f"{name}: {score.value:.2f} [{score.low:.2f}, {score.high:.2f}]")
    table = [
        {"name": name, "value": score.value, "low": score.low, "high": score.high} for name, score in scores.items()
    ]
    how = {
        TAGGER: "writes a token at each token that it reads, knowing nothing of those to come",
        SEQ2SEQ: "writes when all is read",
    }
    sections = [Section("Scores", score_table(table)), *side_by_side(adapter, predictions)]
    write_page(path, title, [*sections, Section("What differs", facts(how))], subtitle=adapter.task)


__all__ = ["Tagging", "compare_with_tagger"]
