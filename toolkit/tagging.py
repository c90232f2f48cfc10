"""A network that writes while it reads, beside the Seq2Seq that reads first: the same rows, the same vocabularies."""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, ClassVar, cast

from torch import Tensor, nn
from transformers import PreTrainedModel, set_seed

from toolkit.adapters.text import TextToText
from toolkit.adapters.tokenizers import end_id
from toolkit.arguments import RecipeArguments
from toolkit.comparison import PAGE, Finished, scores_of, side_by_side, train_once
from toolkit.data import DataArguments
from toolkit.evaluation import Evaluation, evaluate
from toolkit.progress import bar_shows, quiet_libraries
from toolkit.recipe import run, trainer_for
from toolkit.report import Section, facts, score_table, write_page
from toolkit.rows import Examples, encode, load_rows
from toolkit.run_folder import PREDICTIONS

SEQ2SEQ, TAGGER = "Seq2Seq", "tagger"
HOW = {
    TAGGER: "writes a token at each token that it reads, knowing nothing of those to come",
    SEQ2SEQ: "writes when all is read",
}
PLAIN: dict[str, Any] = {
    "label_smoothing_factor": 0.0,
    "scheduled_sampling": "constant",
    "teacher_forcing_ratio": 1.0,
    "eval_strategy": "no",
    "save_strategy": "no",
    "load_best_model_at_end": False,
    "early_stopping_patience": None,
    "average_checkpoints": 1,
}
"""Flags of the training of a tagger, which reads none of its own words and is not kept."""


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
    seq2seq = Finished(root / SEQ2SEQ)
    train_once(adapter, data, replace(arguments, output_dir=str(seq2seq.folder)), f"{title}: {SEQ2SEQ}")
    given = {"tokenizer": str(seq2seq.folder), "model_name_or_path": None, "src_lang": None, "tgt_lang": None}
    tagging = Tagging(**{**asdict(adapter), **given, "bpe_dropout": 0.0})
    tagged = _train_tagger(tagging, data, replace(arguments, output_dir=str(root / TAGGER), **PLAIN), tagger)
    if tagged is None:
        return None
    scores = scores_of({TAGGER: tagged.numbers(), SEQ2SEQ: seq2seq.figures}, ("exact_match", "chrf"))
    for score in scores:
        print("{name}: {value:.2f} [{low:.2f}, {high:.2f}]".format(**score))
    sections = [
        Section("Scores", score_table(scores)),
        *side_by_side(adapter, {TAGGER: tagged.path, SEQ2SEQ: seq2seq.predictions}),
        Section("What differs", facts(HOW)),
    ]
    write_page(root / PAGE, title, sections, subtitle=adapter.task)
    print(f"Comparison: {root / PAGE}")
    return root / PAGE


def _train_tagger(
    adapter: Tagging, data: DataArguments, arguments: RecipeArguments, tagger: Callable[[int, int, int], nn.Module]
) -> Evaluation | None:
    """Trains a tagger in the recipe's batches, and writes its predictions of the rows that the run was scored on."""
    quiet_libraries()  # the run did, unless it was finished
    encoded = {name: encode(adapter, split) for name, split in load_rows(adapter, data).splits.items()}
    set_seed(arguments.seed)
    both = adapter.processor
    model: Any = tagger(len(both.source_tokenizer), len(both.tokenizer), adapter.hidden_size)
    trainer = trainer_for(adapter, model, arguments, encoded)
    with bar_shows(trainer):
        trainer.train()
    trainer.folder.mkdir(parents=True, exist_ok=True)
    rows = cast(Examples, encoded.get("test", encoded["validation"]))
    path, size = trainer.folder / PREDICTIONS, arguments.per_device_eval_batch_size
    return evaluate(model, adapter, rows, path, batch_size=size, share=trainer.share)


__all__ = ["Tagging", "compare_with_tagger"]
