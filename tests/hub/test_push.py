"""A finished run goes to the Hub whole, and nothing else of the folder does."""

import json
import os
import pickle
import subprocess
import sys
from pathlib import Path

import pytest

import toolkit
from tests.house.source import ROOT
from tests.hub.answers import TOKEN
from toolkit import RecurrentSeq2SeqConfig, RecurrentSeq2SeqForConditionalGeneration
from toolkit.adapters.tokenizers import train_tokenizer
from toolkit.card import address_card
from toolkit.models import Seq2SeqProcessor, save_portable

PUSH = "import sys, toolkit; print(toolkit.push(*sys.argv[1:3], private='private' in sys.argv))"
LOAD = """
import json, sys
from transformers import AutoModelForSeq2SeqLM, AutoProcessor, pipeline
class Refuse:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] == "toolkit":
            raise ImportError("not here")
sys.meta_path.insert(0, Refuse())
answer = pipeline("translation", sys.argv[1], trust_remote_code=True)
AutoModelForSeq2SeqLM.from_pretrained(sys.argv[1], trust_remote_code=True)
processor = AutoProcessor.from_pretrained(sys.argv[1], trust_remote_code=True)
print(json.dumps([type(processor).__name__, answer(["ein Hund", "zwei Hunde"])]))
"""
CARD = """---
library_name: transformers
---
```python
answer = pipeline("translation", "runs/finished", trust_remote_code=True)
answer("ein Hund")  # a dog
```
"""


@pytest.fixture
def finished(tmp_path) -> Path:
    """A run folder as a recipe leaves it, with everything that must stay at home."""
    folder = tmp_path / "finished"
    tokenizer = train_tokenizer(["ein Hund", "zwei Hunde", "a dog", "two dogs"], kind="word")
    config = RecurrentSeq2SeqConfig(vocab_size=len(tokenizer), embedding_size=8, hidden_size=8)
    model = RecurrentSeq2SeqForConditionalGeneration(config)
    model.generation_config.max_new_tokens = 9
    for place in (folder, folder / "checkpoint-5"):
        save_portable(model, Seq2SeqProcessor(tokenizer=tokenizer, source_tokenizer=tokenizer), place)
    (folder / "checkpoint-5" / "optimizer.pt").write_bytes(pickle.dumps({"state": 1}))
    (folder / "training_args.bin").write_bytes(pickle.dumps("arguments"))
    (folder / ".hidden.json").write_text(TOKEN)
    (folder / "skipped_rows.txt").write_text("t.tsv:3: a private sentence\n")
    (folder / "validation_predictions.jsonl").write_text("{}\n")
    (folder / "predictions.jsonl").write_text("{}\n")
    (folder / "report.html").write_text("<!doctype html>")
    (folder / "README.md").write_text(CARD)
    (folder / "all_results.json").write_text("{}")
    (folder / "training_args.json").write_text(json.dumps({"training": {"hub_token": "<HUB_TOKEN>"}}))
    return folder


def shared(hub, name: str) -> dict[str, bytes]:
    """What the Hub holds of a repository."""
    files = hub.repository(name).at("main").files
    return {path: hub.answers.store.blobs[file.sha256] for path, file in files.items() if path != ".gitattributes"}


def test_weights_code_tokenizers_card_and_report_are_shared_and_nothing_else(hub, finished):
    address = hub.run(PUSH, finished, "tester/en-ko")
    files = shared(hub, "tester/en-ko")
    assert address.startswith(f"{hub.url}/tester/en-ko/commit/")
    assert {name for name in files if not name.endswith(".py")} == {
        *("config.json", "generation_config.json", "model.safetensors", "README.md", "report.html"),
        *("tokenizer.json", "tokenizer_config.json", "processor_config.json", "predictions.jsonl"),
        *("source_tokenizer/tokenizer.json", "source_tokenizer/tokenizer_config.json"),
        *("all_results.json", "training_args.json"),
    }
    assert {"modeling_recurrent_seq2seq.py", "pipeline_seq2seq.py", "processing_seq2seq.py"} <= set(files)
    assert files["model.safetensors"] == (finished / "model.safetensors").read_bytes()
    assert not any(TOKEN.encode() in content or content.startswith(pickle.dumps(1)[:2]) for content in files.values())
    assert b'pipeline("translation", "tester/en-ko", trust_remote_code=True)' in files["README.md"]
    assert len(hub.repository("tester/en-ko").commits) == 2, "one commit after the empty one"


@pytest.mark.slow
@pytest.mark.promise("H1")
def test_what_was_shared_answers_by_its_id_where_toolkit_is_not(hub, finished):
    hub.run(PUSH, finished, "tester/en-ko", "private")
    assert hub.repository("tester/en-ko").private
    kind, answers = json.loads(hub.run(LOAD, "tester/en-ko").splitlines()[-1])
    here = toolkit.pipeline("translation", str(finished))(["ein Hund", "zwei Hunde"])
    assert (kind, answers) == ("Seq2SeqProcessor", here)


@pytest.mark.slow
def test_a_recipe_shares_its_run_when_it_is_whole(hub, tmp_path):
    rows = "".join(f"dog {number}\tHund {number}\n" for number in range(60))
    (tmp_path / "t.tsv").write_text(f"en\tde\n{rows}")
    command = [sys.executable, str(ROOT / "recipes/text/translation.py"), "--train_file", "t.tsv", "--push_to_hub"]
    command += ["--hub_model_id", "tester/shared", "--hidden_size", "8", "--num_train_epochs", "1"]

    def run(folder: str, token: str) -> subprocess.CompletedProcess:
        flags = ["--output_dir", folder, "--hub_token", token]
        environment = hub.environment(token=None) | {"PYTHONPATH": str(ROOT)}
        return subprocess.run([*command, *flags], env=environment, capture_output=True, text=True, cwd=tmp_path)

    done = run("out", TOKEN)
    assert (done.returncode, done.stderr.count("Traceback")) == (0, 0), done.stderr
    assert f"Shared: {hub.url}/tester/shared/commit/" in done.stdout
    files = shared(hub, "tester/shared")
    assert len(hub.repository("tester/shared").commits) == 2, "nothing was sent while it trained"
    assert not any(name.startswith("checkpoint") or name.endswith((".bin", ".pt")) for name in files)
    assert not any(TOKEN.encode() in content for content in files.values())
    refused = run("again", "hf_wrong")
    assert (refused.returncode, "Traceback" in refused.stderr) == (1, False)
    assert "The run is whole in again, but could not be shared (" in refused.stderr.splitlines()[-1]
    assert "toolkit.push('again', 'tester/shared')" in refused.stderr
    assert (tmp_path / "again" / "all_results.json").exists()


@pytest.mark.parametrize("missing", ["config.json", "model.safetensors", "README.md", "all_results.json"])
def test_a_folder_that_is_no_finished_run_is_refused(finished, missing):
    os.remove(finished / missing)
    with pytest.raises(FileNotFoundError, match="`folder` must be a finished run, but .* has no "):
        toolkit.push(finished, "tester/en-ko")


def test_the_card_names_where_it_is_shared_and_stays_as_it_is_otherwise(finished):
    for name in ("one/place", "another/place"):
        address_card(finished, name)
        assert (finished / "README.md").read_text() == CARD.replace("runs/finished", name)
