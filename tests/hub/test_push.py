"""A finished run goes to the Hub whole, and nothing else of the folder does; from there it answers anywhere."""

import json
import pickle
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

import toolkit
from tests.house.source import ROOT
from tests.hub import card_rules
from tests.hub.answers import TOKEN
from tests.hub.server import HubServer
from toolkit import RecipeArguments
from toolkit.card import card_to_share
from toolkit.hub import masked, share_run
from toolkit.portable import shared_files
from toolkit.trial import NotPortable

PUSH = "import sys, toolkit; print(toolkit.push(*sys.argv[1:3], private='private' in sys.argv))"
SEND = "import sys, pathlib; from toolkit.hub import send; print(send(pathlib.Path(sys.argv[1]), sys.argv[2]))"
SOURCES = ["dog 1", "dog 22"]
LOAD = """
import json, sys
from transformers import AutoModelForSeq2SeqLM, AutoProcessor, pipeline
class Refuse:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] == "toolkit":
            raise ImportError("not here")
sys.meta_path.insert(0, Refuse())
name, revision = sys.argv[1:3]
answer = pipeline("translation", name, revision=revision, trust_remote_code=True)
AutoModelForSeq2SeqLM.from_pretrained(name, revision=revision, trust_remote_code=True)
processor = AutoProcessor.from_pretrained(name, revision=revision, trust_remote_code=True)
print(json.dumps([type(processor).__name__, answer(sys.argv[3:])]))
"""
SERVE = """
import json, sys, toolkit
print(json.dumps(toolkit.pipeline("translation", sys.argv[1], revision=sys.argv[2])(sys.argv[3:])))
"""
TAKE = """
import sys
from toolkit.hub import fetch
try:
    print(fetch(sys.argv[1], revision=sys.argv[2] or None))
except OSError as error:
    print(error)
"""


@dataclass(frozen=True)
class Shelf:
    """A Hub that holds a run under "tester/en-ko", first as it was made and then, on top, with another report."""

    hub: HubServer
    folder: Path
    addresses: list[str]


@pytest.fixture(scope="module")
def shelf(made, tmp_path_factory) -> Iterator[Shelf]:
    """Filled by `toolkit.push`, and a second time with a file that has changed."""
    folder = tmp_path_factory.mktemp("shelf") / "finished"
    shutil.copytree(made("text"), folder)
    (folder / ".hidden.json").write_text(TOKEN)
    (folder / "skipped_rows.txt").write_text("t.tsv:3: a private sentence\n")
    with HubServer() as hub:
        first = hub.run(PUSH, folder, "tester/en-ko", "private")
        report = folder / "report.html"
        report.write_text(report.read_text(encoding="utf-8") + "<!-- another -->", encoding="utf-8")
        hub.arrivals.clear()
        second = hub.run(SEND, folder, "tester/en-ko")
        yield Shelf(hub, folder, [first, second])


def shared(hub, name: str) -> dict[str, bytes]:
    """What the Hub holds of a repository."""
    files = hub.repository(name).at("main").files
    return {path: hub.answers.store.blobs[file.sha256] for path, file in files.items() if path != ".gitattributes"}


@pytest.mark.promise("H2")
def test_weights_code_tokenizers_card_and_report_are_shared_and_nothing_else(shelf):
    files = shared(shelf.hub, "tester/en-ko")
    assert shelf.addresses[0].splitlines()[-1].startswith(f"{shelf.hub.url}/tester/en-ko/commit/")
    assert {name for name in files if not name.endswith(".py")} == {
        *("config.json", "generation_config.json", "model.safetensors", "README.md", "report.html"),
        *("tokenizer.json", "tokenizer_config.json", "processor_config.json", "predictions.jsonl"),
        *("source_tokenizer/tokenizer.json", "source_tokenizer/tokenizer_config.json"),
        *("all_results.json", "training_args.json", "fingerprints.json"),
    }
    assert {"modeling_recurrent_seq2seq.py", "pipeline_seq2seq.py", "processing_seq2seq.py"} <= set(files)
    assert files["model.safetensors"] == (shelf.folder / "model.safetensors").read_bytes()
    assert not any(TOKEN.encode() in content or content.startswith(pickle.dumps(1)[:2]) for content in files.values())
    card = files["README.md"].decode()
    assert 'pipeline("translation", "tester/en-ko", trust_remote_code=True)' in card
    assert (card_rules.errors(card), str(shelf.folder) in card) == ([], False)


@pytest.mark.promise("H2")
def test_each_push_is_one_commit_and_a_second_one_sends_only_what_changed(shelf):
    commits = shelf.hub.repository("tester/en-ko").commits
    assert len(commits) == 3, "the empty one and two pushes"
    assert commits[-1].sent == ("report.html",)
    assert not [arrival for arrival in shelf.hub.arrivals if arrival.method == "PUT"]
    (commit,) = (arrival for arrival in shelf.hub.arrivals if "/commit/" in arrival.path)
    assert commit.size < 2 * (shelf.folder / "report.html").stat().st_size


@pytest.mark.promise("H2")
def test_what_only_an_earlier_run_had_goes_and_what_its_owner_has_added_stays(finished):
    with HubServer() as hub:
        hub.run(SEND, finished, "tester/again")
        repository = hub.repository("tester/again")
        own = {"notes.json": hub.answers.store.describe(hub.answers.store.put(b"{}"), is_large=False)}
        repository.commit("mine", {**repository.at("main").files, **own})
        (finished / "report.html").unlink()
        hub.run(SEND, finished, "tester/again")
        left = shared(hub, "tester/again")
    assert "report.html" not in left and {"notes.json", "model.safetensors", "README.md"} <= left.keys()


@pytest.mark.slow
@pytest.mark.promise("H1", "H2")
def test_what_was_shared_answers_by_its_id_at_any_revision_with_toolkit_and_without(shelf):
    assert shelf.hub.repository("tester/en-ko").private
    here = toolkit.pipeline("translation", str(shelf.folder))(SOURCES)
    first = shelf.hub.repository("tester/en-ko").commits[1].oid
    kind, answers = json.loads(shelf.hub.run(LOAD, "tester/en-ko", first, *SOURCES).splitlines()[-1])
    assert (kind, answers) == ("Seq2SeqProcessor", here)
    assert json.loads(shelf.hub.run(SERVE, "tester/en-ko", "main", *SOURCES).splitlines()[-1]) == here
    assert json.loads(shelf.hub.run(SERVE, "tester/en-ko", first, *SOURCES).splitlines()[-1]) == here
    assert Path(shelf.hub.home.name, "hub/models--tester--en-ko/snapshots", first).is_dir()


@pytest.mark.slow
@pytest.mark.promise("H2")
def test_who_may_not_read_or_asks_for_what_is_not_there_is_told_in_one_line(shelf):
    shutil.rmtree(Path(shelf.hub.home.name, "hub"), ignore_errors=True)  # what was read once, may be read again
    for name, revision, token, words in (
        ("tester/en-ko", "", None, "tester/en-ko is no folder and cannot be read there (404: "),
        ("tester/none", "", TOKEN, "tester/none is no folder and cannot be read there (404: "),
        ("tester/en-ko", "v9", TOKEN, "tester/en-ko at the revision v9 is no folder and cannot be read there (404: "),
        ("no/such/folder", "", TOKEN, "no/such/folder is no folder and cannot be read there ("),
    ):
        said = shelf.hub.run(TAKE, name, revision, token=token)
        assert said.startswith("`model` must be a folder or the id of a model on the Hub, but ")
        assert words in said and said.endswith("log in (`hf auth login`, or `HF_TOKEN`).") and "\n" not in said


@pytest.mark.slow
@pytest.mark.promise("H2")
def test_what_is_to_be_private_does_not_go_to_a_public_place_and_a_faulty_card_to_none(hub, finished):
    script = """
import sys, pathlib
from toolkit.hub import send
try:
    print(send(pathlib.Path(sys.argv[1]), sys.argv[2], private=sys.argv[3] == "private"))
except ValueError as error:
    print(error)
"""
    assert "/commit/" in hub.run(script, finished, "tester/open", "public")
    said = hub.run(script, finished, "tester/open", "private").splitlines()[-1]
    assert said.startswith("`private` was asked for, but tester/open is there and public.")
    assert len(hub.repository("tester/open").commits) == 2
    card = finished / "README.md"
    card.write_text(card.read_text().replace("pipeline_tag: translation", "pipeline_tag: telepathy"))
    said = hub.run(script, finished, "tester/none", "public").splitlines()[-1]
    assert said.startswith("`README.md` has metadata that the Hub refuses (") and "pipeline_tag" in said
    assert ("models", "tester/none") not in hub.answers.store.repositories


def everything(folder: Path) -> bytes:
    """All bytes of all files below a folder."""
    return b"".join(path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file())


@pytest.mark.slow
@pytest.mark.promise("H2")
def test_a_recipe_shares_its_run_when_it_is_whole_and_its_token_stands_nowhere(hub, tmp_path):
    rows = "".join(f"dog {number}\tHund {number}\n" for number in range(60))
    (tmp_path / "t.tsv").write_text(f"en\tde\n{rows}")
    command = [sys.executable, str(ROOT / "recipes/text/translation.py"), "--train_file", "t.tsv", "--push_to_hub"]
    command += ["--hub_model_id", "tester/shared", "--hidden_size", "8", "--num_train_epochs", "1"]

    def run(folder: str, token: str, *flags: str) -> subprocess.CompletedProcess:
        words = [*command, *flags, "--output_dir", folder, "--hub_token", token]
        environment = hub.environment(token=None) | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
        return subprocess.run(words, env=environment, capture_output=True, text=True, cwd=tmp_path)

    done = run("out", TOKEN)
    assert (done.returncode, done.stderr.count("Traceback")) == (0, 0), done.stderr
    assert f"Shared: {hub.url}/tester/shared/commit/" in done.stdout
    files = shared(hub, "tester/shared")
    assert len(hub.repository("tester/shared").commits) == 2, "nothing was sent while it trained"
    assert not any(name.startswith("checkpoint") or name.endswith((".bin", ".pt")) for name in files)
    refused = run("again", "hf_wrong", "--hub_model_id", "tester/new", "--hub_private_repo", "true", "--debug")
    assert (refused.returncode, "hf_wrong" in refused.stderr) == (1, False), refused.stderr
    assert "The run is whole in again, but could not be shared. `tester/new` could not be written" in refused.stderr
    assert "toolkit.push('again', 'tester/new', private=True)" in refused.stderr.splitlines()[-1]
    assert (tmp_path / "again" / "all_results.json").exists()
    for folder, token, said in (("out", TOKEN, done), ("again", "hf_wrong", refused)):
        assert token.encode() not in everything(tmp_path / folder)
        assert token not in said.stdout + said.stderr
    assert TOKEN.encode() not in everything(Path(hub.home.name))
    assert TOKEN.encode() not in b"".join(files.values())


@pytest.mark.slow
@pytest.mark.promise("H2")
def test_a_push_at_the_end_of_a_run_goes_through_the_same_gate(made, tmp_path, monkeypatch):
    shutil.copytree(made("text"), tmp_path / "run")
    (tmp_path / "run" / "pytorch_model.bin").write_bytes(pickle.dumps(1))
    arguments = RecipeArguments("run", push_to_hub=True, hub_model_id="tester/run")
    with pytest.raises(OSError, match="The run is whole in run, but could not be shared. `pytorch_model.bin` may hold"):
        share_run(Path("run"), arguments)


@pytest.mark.parametrize("missing", ["config.json", "model.safetensors", "README.md", "all_results.json"])
def test_a_folder_that_is_no_finished_run_is_refused(finished, missing):
    (finished / missing).unlink()
    with pytest.raises(FileNotFoundError, match="`folder` must be a finished run, but .* has no "):
        toolkit.push(finished, "tester/en-ko")


def test_nothing_is_asked_of_the_hub_before_the_folder_was_found_sound(finished, monkeypatch):
    monkeypatch.setattr(toolkit.hub, "HfApi", lambda **_: pytest.fail("the Hub was asked"))
    (finished / "model.safetensors").write_bytes(b"")
    with pytest.raises(NotPortable, match="`model.safetensors` was changed"):
        toolkit.push(finished, "tester/en-ko")


def test_the_card_names_where_it_is_shared_and_stays_as_it_is_otherwise(made):
    card = (made("text") / "README.md").read_text(encoding="utf-8")
    shown = card_to_share(card, "one/place")
    assert shown != card and card_to_share(shown, "another/place") == card_to_share(card, "another/place")
    before, after = (text.splitlines() for text in (card, shown))
    assert len([line for line, other in zip(before, after, strict=True) if line != other]) == 2


def test_a_command_line_is_shown_without_its_token():
    assert masked(["r.py", "--hub_token=hf_a", "--hub_token", "hf_b"]) == [
        "r.py",
        "--hub_token=<token>",
        "--hub_token",
        "<token>",
    ]


def test_private_files_are_not_among_those_that_are_shared(finished):
    assert not {".hidden.json", "skipped_rows.txt", "validation_predictions.jsonl"} & set(shared_files(finished))


def test_media_beside_the_report_are_shared_with_it_and_no_others(tmp_path):
    for path in ("report_media/1.mp4", "kept/2.mp4", "3.wav"):
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).write_bytes(b"sound")
    assert shared_files(tmp_path) == ["report_media/1.mp4"]
