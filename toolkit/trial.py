"""A few questions to a model, and its answers: here, and in a process that finds torch and transformers only."""

import ast
import json
import math
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import torch
import transformers
from transformers import PreTrainedModel
from transformers.pipelines import PIPELINE_REGISTRY

from toolkit import stranger
from toolkit.adapters.base import Adapter
from toolkit.evaluation import Records
from toolkit.models import PIPELINES

QUESTIONS, TRIED = 4, 16
SECONDS = 1800
"""After which a process that answers nothing is given up."""


class NotPortable(ValueError):
    """Why a folder is of no use elsewhere, in one sentence."""


PIPELINE = 'from transformers import pipeline\n\nanswer = pipeline("TASK", FOLDER{})'
WAYS = {
    "pipeline": (PIPELINE.format(""), "answer(QUESTION)"),
    "pipeline of the folder": (PIPELINE.format(", trust_remote_code=True"), "answer(QUESTION)"),
    "generate": (
        "from transformers import AutoModelForSeq2SeqLM, AutoTokenizer\n\n"
        "tokenizer = AutoTokenizer.from_pretrained(FOLDER)\nmodel = AutoModelForSeq2SeqLM.from_pretrained(FOLDER)",
        'tokenizer.batch_decode(model.generate(tokenizer(QUESTION, return_tensors="pt").input_ids), '
        "skip_special_tokens=True)",
    ),
    "look": (
        "from transformers import AutoModelForVideoClassification\n\n"
        "model = AutoModelForVideoClassification.from_pretrained(FOLDER)",
        "model(QUESTION).logits.softmax(-1).tolist()",
    ),
}
"""Code that loads a model, and an expression that asks it: a pipeline of the library or one that comes with the model;
else the model itself, for texts that transformers 5 has no pipeline for, and videos, whose pipeline needs a decoder."""
WORDS = {"arange", "div", "mul", "sin", "numpy", "remainder", "byte", "reshape"}
"""What a question may call: it is code in a file, and files can be changed."""


@dataclass(frozen=True)
class Trial:
    """How anybody asks a model, and what it answered to the run.

    Attributes:
        way: one of `WAYS`.
        task: what the pipeline calls it.
        questions: expressions.
        answers: to each what the model says, as JSON has it.
        shown: to each what Python prints.
    """

    way: str
    task: str
    questions: list[str]
    answers: list[Any]
    shown: list[str]

    def __post_init__(self) -> None:
        if self.way not in WAYS or not re.fullmatch(r"[a-z0-9-]+", self.task):
            raise ValueError(
                f"`way` must be one of {', '.join(WAYS)} and `task` a name, not {self.way!r}, {self.task!r}."
            )
        for question in self.questions:
            for node in ast.walk(ast.parse(question, mode="eval")):
                called = isinstance(node, ast.Attribute) and node.attr in WORDS
                named = isinstance(node, ast.Name) and node.id == "torch"
                plain = isinstance(node, ast.Expression | ast.Constant | ast.Dict | ast.Call | ast.Load)
                if not (called or named or plain):
                    raise ValueError(f"`questions` must be texts, numbers or made by torch, but one is {question!r}.")

    @property
    def load(self) -> str:
        """Code that loads the model, in which FOLDER stands for where it is."""
        return WAYS[self.way][0].replace("TASK", self.task)

    @property
    def ask(self) -> str:
        """An expression, in which QUESTION stands for the question."""
        return WAYS[self.way][1]

    def code(self, place: str) -> str:
        """The first question, to be typed by a person, with the model in a folder or at a Hub id."""
        imports = "import torch\n" if "torch." in self.questions[0] else ""
        load = self.load.replace("FOLDER", json.dumps(place, ensure_ascii=False))
        return f"{imports}{load}\nprint({self.ask.replace('QUESTION', self.questions[0])})"


@torch.no_grad()
def tried_here(adapter: Adapter, model: PreTrainedModel, records: Records) -> Trial:
    """Asks a model in memory what strangers will be able to ask it, on the processor as they will.

    Of rows only those count to which it says alone what it said in the batch of the evaluation: sums in another order
    may tip a balance.

    Args:
        adapter: knows what to ask.
        model: after training.
        records: the rows of the evaluation.
    """
    device = model.device
    model.to("cpu")  # type: ignore[arg-type]  # before a pipeline looks where the model is
    way, names = _way(adapter.task, model, adapter.processor)
    trial = Trial(way, adapter.task, [], [], [])
    for question, expected in islice(adapter.questions(records), TRIED):
        with torch.random.fork_rng():
            torch.manual_seed(0)
            answer = eval(trial.ask.replace("QUESTION", question), {"torch": torch, **names})
        if (expected is None or expected in _leaves(answer)) and question not in trial.questions:
            trial.questions.append(question)
            trial.answers.append(json.loads(json.dumps(answer)))
            trial.shown.append(repr(answer))
        if len(trial.questions) == QUESTIONS:
            break
    model.to(device)  # type: ignore[arg-type]
    return trial


def _way(task: str, model: PreTrainedModel, processor: Any) -> tuple[str, dict[str, Any]]:
    """Which of the ways serves a model, and in memory what its code gives names to."""
    tokenizer = getattr(processor, "tokenizer", None)
    given: dict[str, Any] = {"task": task, "model": model.eval(), "tokenizer": tokenizer, "device": "cpu"}
    if task in (getattr(model.config, "custom_pipelines", None) or {}):
        return "pipeline of the folder", {"answer": PIPELINES[task][0](**given, processor=processor)}
    if model.main_input_name == "pixel_values":
        return "look", {"model": model}
    if task in PIPELINE_REGISTRY.get_supported_tasks():
        extractor = getattr(processor, "feature_extractor", None)
        return "pipeline", {"answer": transformers.pipeline(**given, feature_extractor=extractor)}
    return "generate", {"tokenizer": tokenizer or processor, "model": model}


def _leaves(answer: Any) -> Iterator[Any]:
    """The values of nested lists and dictionaries."""
    if isinstance(answer, Mapping | list | tuple):
        for value in answer.values() if isinstance(answer, Mapping) else answer:
            yield from _leaves(value)
    else:
        yield answer


def tried_elsewhere(folder: Path, trial: Trial) -> dict[str, Any]:
    """What a process gets from a folder that finds torch and transformers only, and no network.

    Returns:
        `answers` as JSON has them, and `shown`, as Python prints them.

    Raises:
        NotPortable: the folder does not load there.
    """
    kept = ("PATH", "LD_LIBRARY_PATH", "SYSTEMROOT", "TMPDIR", "TEMP")
    with tempfile.TemporaryDirectory(prefix="stranger-") as home:
        surroundings = {name: os.environ[name] for name in kept if name in os.environ}
        surroundings |= {"HF_HUB_OFFLINE": "1", "HF_HOME": home, "HF_MODULES_CACHE": f"{home}/modules", "HOME": home}
        surroundings |= {"OMP_NUM_THREADS": str(torch.get_num_threads()), "CUDA_VISIBLE_DEVICES": ""}
        done = subprocess.run(
            [sys.executable, "-I", stranger.__file__, str(folder.resolve())],
            input=json.dumps({"load": trial.load, "ask": trial.ask, "questions": trial.questions}),
            env=surroundings,
            cwd=home,
            capture_output=True,
            text=True,
            encoding="utf-8",
            timeout=SECONDS,
        )
    if done.returncode:
        reason = (done.stderr.strip() or f"exit code {done.returncode}").splitlines()[-1]
        raise NotPortable(f"{folder} does not load in a process without this toolkit ({reason}). Train again.")
    return json.loads(done.stdout.splitlines()[-1])


def alike(one: Any, other: Any) -> bool:
    """Whether two answers say the same; sums in another order may differ in their last digits."""
    if isinstance(one, float) or isinstance(other, float):
        return (
            isinstance(one, int | float)
            and isinstance(other, int | float)
            and math.isclose(one, other, rel_tol=1e-3, abs_tol=1e-4)
        )
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(alike, one, other))
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(alike(value, other[key]) for key, value in one.items())
    return one == other


__all__ = ["NotPortable", "Trial", "alike", "tried_elsewhere", "tried_here"]
