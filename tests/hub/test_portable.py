"""What is shared answers elsewhere as it answered here; what was tampered with is not shared."""

import hashlib
import json
import os
import pickle
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch
import transformers

from tests.hub.runs import KINDS, OURS
from toolkit import portable
from toolkit.models import load_processor
from toolkit.portable import FINGERPRINTS, seal, shared_files, verify
from toolkit.trial import NotPortable, Trial, tried_elsewhere

READER = Path(__file__).with_name("reader.py")


@pytest.mark.promise("H1", "H2")
@pytest.mark.parametrize(
    "kind", [kind if kind == "text" else pytest.param(kind, marks=pytest.mark.slow) for kind in KINDS]
)
def test_a_run_answers_a_process_that_has_torch_and_transformers_only(kind, made):
    trial = verify(made(kind))
    assert trial.questions and len(trial.answers) == len(trial.shown) == len(trial.questions)


@pytest.mark.promise("H2")
def test_rows_of_the_evaluation_are_asked_again(made):
    trial = Trial(**json.loads((made("text") / FINGERPRINTS).read_text())["trial"])
    lines = (made("text") / "predictions.jsonl").read_text().splitlines()
    written = {record["source"]: record["prediction"] for record in map(json.loads, lines)}
    told = {eval(question): answer for question, (answer,) in zip(trial.questions, trial.answers, strict=True)}
    assert len(told) == 4
    assert all(written[source] == answer["translation_text"] for source, answer in told.items())


@pytest.mark.slow
@pytest.mark.promise("H1", "E6")
def test_auto_classes_give_strangers_the_tensors_that_they_give_us(made, tmp_path):
    """Another reader than the one that is part of the package, as an independent reference."""
    surroundings = {"HF_HOME": str(tmp_path), "HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1", "PATH": os.environ["PATH"]}
    command = [sys.executable, "-I", str(READER), "told.json", *(str(made(kind)) for kind in OURS)]
    done = subprocess.run(command, env=surroundings, cwd=tmp_path, capture_output=True, text=True, timeout=900)
    assert done.returncode == 0, done.stderr
    told = json.loads((tmp_path / "told.json").read_text())
    for kind in OURS:
        there, folder = told[str(made(kind))], str(made(kind))
        assert all(module.startswith("transformers_modules") for module in there["modules"]), kind
        model = getattr(transformers, there["auto"]).from_pretrained(folder).eval()
        processor = load_processor(folder)
        inputs = {name: torch.tensor(values) for name, values in there["inputs"].items()}
        with torch.no_grad():
            logits = model(**inputs).logits
        assert type(processor).__name__ == there["processor"]
        assert torch.allclose(logits, torch.tensor(there["logits"]), atol=1e-6), kind


def refreshed(folder: Path) -> None:
    """Whoever tampers with a file may correct its fingerprint too."""
    trial = Trial(**json.loads((folder / FINGERPRINTS).read_text())["trial"])
    seal(folder, trial)


def change(name: str, before: str, after: str, *, refresh: bool = False):
    """A text in a file becomes another one."""

    def tamper(folder: Path) -> None:
        text = (folder / name).read_text(encoding="utf-8")
        assert before in text
        (folder / name).write_text(text.replace(before, after, 1), encoding="utf-8")
        if refresh:
            refreshed(folder)

    return tamper


def flip_a_bit(folder: Path) -> None:
    content = bytearray((folder / "model.safetensors").read_bytes())
    content[-1] ^= 1
    (folder / "model.safetensors").write_bytes(content)


def add(name: str, content: bytes):
    return lambda folder: (folder / name).write_bytes(content)


def link(name: str):
    def tamper(folder: Path) -> None:
        elsewhere = folder.parent / name
        shutil.move(folder / name, elsewhere)
        (folder / name).symlink_to(elsewhere)

    return tamper


INDEX = json.dumps({"metadata": {}, "weight_map": {"a": "../../secret.safetensors"}}).encode()


def lead_outside(folder: Path) -> None:
    (folder / "model.safetensors.index.json").write_bytes(INDEX)
    refreshed(folder)


TAMPERED = {
    "weights": (flip_a_bit, "`model.safetensors` was changed after the run had written it"),
    "configuration": (change("config.json", '"hidden_size": 32', '"hidden_size": 33'), "`config.json` was changed"),
    "figures": (change("all_results.json", '"rows": ', '"rows": 9'), "`all_results.json` was changed"),
    "predictions": (change("predictions.jsonl", "dog", "cat"), "`predictions.jsonl` was changed"),
    "lost file": (lambda folder: (folder / "generation_config.json").unlink(), "`generation_config.json` is missing"),
    "lost folder": (lambda folder: shutil.rmtree(folder / "source_tokenizer"), "`source_tokenizer/.* is missing"),
    "no weights": (lambda folder: (folder / "model.safetensors").unlink(), "has no \\*.safetensors"),
    "no fingerprints": (lambda folder: (folder / FINGERPRINTS).unlink(), "has no fingerprints.json"),
    "new code": (add("extra.py", b"import os"), "`extra.py` is not of this run"),
    "new settings": (add("adapter_config.json", b"{}"), "`adapter_config.json` is not of this run"),
    "other code": (
        change("layers_loop.py", "import torch", "import torch  # harmless", refresh=True),
        "`layers_loop.py` must be this toolkit.s code, letter by letter",
    ),
    "pickle": (add("pytorch_model.bin", pickle.dumps(1)), "`pytorch_model.bin` may hold a pickle"),
    "pickle below": (
        add("source_tokenizer/state.pt", pickle.dumps(1)),
        "`source_tokenizer/state.pt` may hold a pickle",
    ),
    "pickle in disguise": (add("model.safetensors", pickle.dumps(1)), "`model.safetensors` was changed"),
    "link": (link("tokenizer.json"), "`tokenizer.json` is a link to "),
    "linked folder": (link("source_tokenizer"), "`source_tokenizer` is a link to "),
    "code from elsewhere": (
        change("config.json", '"modeling_recurrent', '"evil/repo--modeling_recurrent', refresh=True),
        "`auto_map` in `config.json` must name a file of the folder, but is 'evil/repo--modeling",
    ),
    "pipeline from elsewhere": (
        change("config.json", '"pipeline_seq2seq.', '"../pipeline.', refresh=True),
        "`impl` in `config.json` must name a file of the folder",
    ),
    "weights from elsewhere": (lead_outside, "`weight_map` in .* must name a file of the folder, but is '../../secret"),
    "better scores in the card": (
        lambda folder: (folder / "README.md").write_text(
            re.sub(r"(type: chrf\n      value: )[\d.]+", r"\g<1>99.0", (folder / "README.md").read_text())
        ),
        "`README.md` says chrf 99.0, but `all_results.json` ",
    ),
    "broken card": (change("README.md", "tags:", "tags: ["), "`README.md` has metadata that cannot be read"),
    "broken fingerprints": (change(FINGERPRINTS, "{", "["), "`fingerprints.json` is broken"),
    "code in fingerprints": (
        change(FINGERPRINTS, '"questions": [', '"questions": [\n"__import__(\'os\').abort()",'),
        "`fingerprints.json` is broken .*must be texts, numbers or made by torch",
    ),
}


@pytest.mark.promise("H2")
@pytest.mark.parametrize("case", TAMPERED)
def test_a_folder_that_was_tampered_with_is_refused_before_anybody_loads_it(case, finished, monkeypatch):
    tamper, sentence = TAMPERED[case]
    monkeypatch.setattr(portable, "tried_elsewhere", lambda *_: pytest.fail("it was loaded"))
    tamper(finished)
    with pytest.raises((NotPortable, FileNotFoundError), match=sentence) as refusal:
        verify(finished)
    assert "\n" not in str(refusal.value)


@pytest.mark.slow
@pytest.mark.promise("H2")
def test_other_weights_with_the_right_fingerprint_are_told_by_their_answers(finished, made):
    from safetensors.torch import load_file, save_file

    weights = {name: -values for name, values in load_file(finished / "model.safetensors").items()}
    save_file(weights, finished / "model.safetensors", metadata={"format": "pt"})
    refreshed(finished)
    with pytest.raises(
        NotPortable, match="The answer to '.*' was .* when the run ended, but in a process without this"
    ):
        verify(finished)


@pytest.mark.slow
def test_a_folder_that_loads_nowhere_says_why(finished):
    trial = Trial(**json.loads((finished / FINGERPRINTS).read_text())["trial"])
    (finished / "config.json").write_text("{}")
    with pytest.raises(NotPortable, match="finished does not load in a process without this toolkit \\(.+\\)"):
        tried_elsewhere(finished, trial)


def test_fingerprints_are_those_that_sha256sum_prints_and_cover_all_that_is_shared(made):
    files = json.loads((made("text") / FINGERPRINTS).read_text())["files"]
    assert {*files, "README.md", FINGERPRINTS} == set(shared_files(made("text")))
    for name, digest in files.items():
        assert hashlib.sha256((made("text") / name).read_bytes()).hexdigest() == digest


def test_the_card_may_be_edited(finished, monkeypatch):
    monkeypatch.setattr(portable, "tried_elsewhere", lambda folder, trial: {"answers": trial.answers})
    (finished / "README.md").write_text((finished / "README.md").read_text() + "\nMade with love.\n")
    assert verify(finished).questions
