"""Answers to more rows than one machine can read in time: Ray Data hands blocks of them to workers anywhere."""

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from toolkit.data import BadData, Fault
from toolkit.data.aside import written_aside
from toolkit.data.files import open_source
from toolkit.pipeline import pipeline
from toolkit.portable import fingerprint

ASKED = "asked.json"
"""Where the output folder says what its answers are answers to."""


def predict(
    task: str,
    model: str,
    rows_file: str,
    output_folder: str | Path,
    *,
    column: str | None = None,
    recordings: bool = False,
    workers: int = 2,
    batch_size: int = 16,
    block_rows: int = 1000,
) -> list[Path]:
    """Lets the pipeline of a task answer every row of a file, in as many workers as there are.

    Rows go to the workers in blocks, and each block becomes one file of answers as soon as it is done, with `line`,
    `source` and `answer` of each row as JSON lines. Files, and rows in them, are in the order of the data. A call that
    was killed goes on with the blocks that have no file yet.

    It joins the cluster that `RAY_ADDRESS` or an earlier `ray.init` names, else it starts workers on this machine and
    ends them. On a cluster model, recordings and folder must lie on storage that all machines share.

    Args:
        task: as for `toolkit.pipeline`.
        model: a run folder or Hub id.
        rows_file: a table, as the recipes read it.
        output_folder: where the answers go.
        column: the one that is asked about; none: the first.
        recordings: whether the column names recordings, whose paths count from where the table lies.
        workers: how many load the model.
        batch_size: rows that a worker answers together.
        block_rows: rows that are lost at most, per worker, when a call is killed.

    Returns:
        The files of answers, in order.

    Raises:
        BadData: the rows are faulty; every fault with its line, before anything is answered.
        ImportError: Ray is not installed.
        ValueError: the folder holds answers of another model or to other rows, or recordings have no `column`.
    """
    try:
        import ray
    except ImportError as error:
        raise ImportError(
            "`toolkit.cluster` needs Ray Data, which is not installed. In the clone, run: pip install -e '.[cluster]'"
        ) from error
    folder = Path(output_folder).resolve()
    if recordings and column is None:
        raise ValueError("`column` must say which one names the recordings, but is not given. Name it.")
    weights = sorted(Path(model).glob("*.safetensors")) if os.path.isdir(model) else []
    asked: dict[str, Any] = {"task": task, "model": model, "rows_file": rows_file, "column": column}
    asked |= {"block_rows": block_rows, "weights": [fingerprint(path) for path in weights]}
    faults = [item for item in _rows(rows_file, column, recordings) if isinstance(item, Fault)]
    if faults:
        raise BadData(faults)
    _claim(folder, asked)
    model = os.path.abspath(model) if os.path.isdir(model) else model
    with TemporaryDirectory(dir=folder, prefix=".blocks-") as blocks:
        rows = (row for row in _rows(rows_file, column, recordings) if not isinstance(row, Fault))
        parts: list[Path] = []
        waiting: list[str] = []
        while block := list(islice(rows, block_rows)):
            parts.append(folder / f"part-{len(parts):06}.jsonl")
            if not _answers(parts[-1], block):
                waiting.append(os.path.join(blocks, parts[-1].name))
                Path(waiting[-1]).write_text("".join(json.dumps(row) + "\n" for row in block), encoding="utf-8")
        for later in set(folder.glob("part-*.jsonl")) - set(parts):  # answers to rows that are not there any more
            later.unlink()
        if waiting:
            _run(ray, waiting, workers, {"task": task, "model": model, "folder": folder, "batch_size": batch_size})
    return parts


def _rows(path: str, column: str | None, recordings: bool) -> Iterator[dict[str, Any] | Fault]:
    """Line and source of each row, and faults."""
    source = open_source(path, None if column is None else (column,), media=column if recordings else None)
    for row in source:
        if isinstance(row, Fault):
            yield row
            continue
        cell = str(row[source.columns[0]])
        is_path = recordings and "://" not in cell
        yield {"line": row["line"], "source": os.path.abspath(cell) if is_path else cell}


def _claim(folder: Path, asked: Mapping[str, Any]) -> None:
    """Notes what the folder holds answers to, or refuses if it holds others."""
    folder.mkdir(parents=True, exist_ok=True)
    note = folder / ASKED
    if note.exists() and (there := json.loads(note.read_bytes())) != asked:
        differences = [
            f"{name} {there.get(name)!r} there, {value!r} here"
            for name, value in asked.items()
            if there.get(name) != value
        ]
        raise ValueError(
            f"`output_folder` must be free or hold answers of the same call, but {folder} was made with other "
            f"arguments ({'; '.join(differences)}). Choose another folder."
        )
    with written_aside(note) as out:
        json.dump(asked, out)


def _answers(part: Path, block: Sequence[Mapping[str, Any]]) -> bool:
    """Whether a file holds the answers to the rows of a block as they are now."""
    if not part.exists():
        return False
    with part.open(encoding="utf-8") as lines:
        answered = [json.loads(line) for line in lines]
    return [(row["line"], row["source"]) for row in answered] == [(row["line"], row["source"]) for row in block]


def _run(ray: Any, blocks: list[str], workers: int, settings: Mapping[str, Any]) -> None:
    """Answers each block in one of the workers, each of which loads the model once."""
    starts = not ray.is_initialized()
    if starts and "RAY_ADDRESS" in os.environ:
        ray.init(log_to_driver=False)
    elif starts:
        os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
        # One core more than workers, or nobody could read the blocks; all of it stays on this machine.
        local = {"num_cpus": workers + 1, "include_dashboard": False, "_node_ip_address": "127.0.0.1"}
        ray.init(**local, logging_level="ERROR", log_to_driver=False)
    context = ray.data.DataContext.get_current()
    shown, context.enable_progress_bars = context.enable_progress_bars, False
    try:
        files = ray.data.read_binary_files(blocks, include_paths=True, override_num_blocks=len(blocks))
        answered = files.map_batches(
            _Worker, fn_constructor_kwargs=dict(settings), batch_size=1, concurrency=workers, num_cpus=1
        )
        for _ in answered.iter_rows():
            pass
    finally:
        context.enable_progress_bars = shown
        if starts:
            ray.shutdown()


class _Worker:
    """One process with the model, which turns files of rows into files of answers.

    Args:
        task: as for `toolkit.pipeline`.
        model: a run folder or Hub id.
        folder: where the answers go.
        batch_size: rows that are answered together.
    """

    def __init__(self, task: str, model: str, folder: Path, batch_size: int) -> None:
        self.serve, self.folder = pipeline(task, model, batch_size=batch_size), folder

    def __call__(self, files: Mapping[str, Sequence[Any]]) -> dict[str, list[str]]:
        """Writes the answers to each block beside, then in its place."""
        for path, content in zip(files["path"], files["bytes"], strict=True):
            rows = [json.loads(line) for line in content.decode().splitlines()]
            answers = self.serve([row["source"] for row in rows])
            with written_aside(self.folder / os.path.basename(path)) as out:
                for row, answer in zip(rows, answers, strict=True):
                    out.write(json.dumps({**row, "answer": answer}, ensure_ascii=False, default=float) + "\n")
        return {"path": list(files["path"])}


__all__ = ["predict"]
