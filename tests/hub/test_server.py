"""The real client takes the test Hub for the Hub."""

import json
from hashlib import sha256
from pathlib import Path

import pytest

PUSH = """
import sys
from huggingface_hub import HfApi
api = HfApi()
api.create_repo("tester/model", private="private" in sys.argv, exist_ok=True)
print(api.upload_folder(repo_id="tester/model", folder_path=sys.argv[1], commit_message="push").oid)
"""
PULL = """
import sys
from huggingface_hub import snapshot_download
print(snapshot_download("tester/model", local_dir=sys.argv[1], revision=sys.argv[2]))
"""
TRY = """
import sys
from huggingface_hub import HfApi
from huggingface_hub.errors import HfHubHTTPError
for call in sys.argv[1:]:
    try:
        exec(call, {"api": HfApi()})
        print("done")
    except HfHubHTTPError as error:
        print(type(error).__name__)
"""
WEIGHTS = bytes(range(256)) * 6000


@pytest.fixture
def folder(tmp_path) -> Path:
    """What a small model might look like: a large file, a text in a folder with an awkward name, an empty file."""
    folder = tmp_path / "model"
    (folder / "a b").mkdir(parents=True)
    (folder / "model.safetensors").write_bytes(WEIGHTS)
    (folder / "config.json").write_text('{"hidden_size": 4}')
    (folder / "a b" / "vocab ü.txt").write_text("안녕\n")
    (folder / "README.md").write_text("---\ntags:\n- seq2seq\npipeline_tag: translation\n---\n# A model\n")
    (folder / "empty.txt").touch()
    return folder


def contents(folder: Path) -> dict[str, bytes]:
    """Every file below a folder, but the client's own notes."""
    paths = (path for path in folder.rglob("*") if path.is_file() and ".cache" not in path.parts)
    return {str(path.relative_to(folder)): path.read_bytes() for path in paths}


def test_the_client_knows_who_it_is_only_with_the_token(hub):
    assert hub.run("from huggingface_hub import whoami; print(whoami()['name'])") == "tester"
    assert hub.run(TRY, "api.whoami()", token="hf_wrong") == "HfHubHTTPError"


def test_a_pushed_folder_comes_back_byte_for_byte(hub, folder, tmp_path):
    oid = hub.run(PUSH, folder)
    hub.run(PULL, tmp_path / "pulled", "main")
    assert contents(tmp_path / "pulled") == contents(folder)
    assert hub.repository("tester/model").at(oid).files["model.safetensors"].sha256 == sha256(WEIGHTS).hexdigest()


def test_a_second_push_sends_only_what_changed(hub, folder):
    hub.run(PUSH, folder)
    assert hub.answers.uploads == [sha256(WEIGHTS).hexdigest()]
    (folder / "config.json").write_text('{"hidden_size": 8}')
    hub.run(PUSH, folder)
    assert hub.answers.uploads == [sha256(WEIGHTS).hexdigest()]
    assert hub.repository("tester/model").at("main").sent == ("config.json",)


def test_the_client_lists_what_it_pushed(hub, folder):
    hub.run(PUSH, folder)
    script = """
import json
from huggingface_hub import HfApi
api = HfApi()
info = api.model_info("tester/model")
print(json.dumps({
    "files": sorted(api.list_repo_files("tester/model")),
    "root": sorted(entry.path for entry in api.list_repo_tree("tester/model")),
    "folder": [entry.path for entry in api.list_repo_tree("tester/model", "a b")],
    "some": [entry.path for entry in api.get_paths_info("tester/model", ["config.json", "a b", "none"])],
    "large": [entry.lfs.size for entry in api.get_paths_info("tester/model", "model.safetensors")],
    "models": [model.id for model in api.list_models(author="tester")],
    "task": info.pipeline_tag, "tags": info.tags, "private": info.private,
    "titles": [commit.title for commit in api.list_repo_commits("tester/model")],
}))
"""
    assert json.loads(hub.run(script)) == {
        "files": sorted(contents(folder)),
        "root": ["README.md", "a b", "config.json", "empty.txt", "model.safetensors"],
        "folder": ["a b/vocab ü.txt"],
        "some": ["a b", "config.json"],
        "large": [len(WEIGHTS)],
        "models": ["tester/model"],
        "task": "translation",
        "tags": ["seq2seq"],
        "private": False,
        "titles": ["push", "initial commit"],
    }


def test_a_tag_and_a_commit_keep_the_old_files_reachable(hub, folder, tmp_path):
    oid = hub.run(PUSH, folder)
    hub.run(TRY, "api.create_tag('tester/model', tag='v1')")
    (folder / "config.json").write_text("{}")
    hub.run(PUSH, folder)
    for revision, config in {"v1": '{"hidden_size": 4}', oid: '{"hidden_size": 4}', "main": "{}"}.items():
        hub.run(PULL, tmp_path / revision, revision)
        assert (tmp_path / revision / "config.json").read_text() == config
    assert hub.run(TRY, "print([tag.name for tag in api.list_repo_refs('tester/model').tags])").startswith("['v1']")


def test_a_private_repository_is_hidden_from_strangers(hub, folder):
    hub.run(PUSH, folder, "private")
    calls = [
        "api.model_info('tester/model')",
        "api.list_repo_files('tester/model')",
        "api.hf_hub_download('tester/model', 'config.json')",
    ]
    assert hub.run(TRY, *calls, token=None).split() == ["RepositoryNotFoundError"] * 3
    assert hub.run(TRY, *calls).split() == ["done"] * 3


def test_what_the_hub_refuses_the_test_hub_refuses(hub, folder):
    hub.run(PUSH, folder)
    upload = "api.upload_file(path_or_fileobj=b'x', path_in_repo='x', repo_id='tester/model', parent_commit='{}')"
    errors = {
        "api.model_info('tester/none')": "RepositoryNotFoundError",
        "api.model_info('tester/model', revision='none')": "RevisionNotFoundError",
        "api.hf_hub_download('tester/model', 'none')": "RemoteEntryNotFoundError",
        "api.create_repo('tester/model')": "HfHubHTTPError",
        upload.format("0" * 40): "HfHubHTTPError",
        upload.format(hub.repository("tester/model").at("main").oid): "done",
    }
    assert hub.run(TRY, *errors).split() == list(errors.values())
    writing = ["api.delete_repo('tester/model')", "api.create_repo('tester/new')", upload.format("0" * 40)]
    assert hub.run(TRY, *writing, token=None).count("Error") == 3
    assert hub.repository("tester/model").at("main").title == "Upload x with huggingface_hub"


def test_files_folders_and_repositories_can_be_deleted(hub, folder):
    hub.run(PUSH, folder)
    hub.run(TRY, "api.delete_file('config.json', 'tester/model')", "api.delete_folder('a b', 'tester/model')")
    assert sorted(hub.repository("tester/model").at("main").files) == ["README.md", "empty.txt", "model.safetensors"]
    calls = "api.delete_repo('tester/model')", "api.model_info('tester/model')"
    assert hub.run(TRY, *calls).split() == ["done", "RepositoryNotFoundError"]


def test_a_dataset_is_pushed_loaded_and_streamed(hub):
    script = """
from datasets import Dataset, load_dataset
Dataset.from_dict({"en": ["yes", "no"], "ko": ["네", "아니요"]}).push_to_hub("tester/pairs")
print(load_dataset("tester/pairs", split="train")[1], *load_dataset("tester/pairs", split="train", streaming=True))
"""
    no, *rows = hub.run(script).replace("} {", "}\n{").splitlines()
    assert eval(no) == {"en": "no", "ko": "아니요"}
    assert [eval(row) for row in rows] == [{"en": "yes", "ko": "네"}, {"en": "no", "ko": "아니요"}]
    assert hub.repository("tester/pairs", "datasets").at("main").files


def test_a_part_of_a_file_can_be_read(hub, folder):
    hub.run(PUSH, folder)
    script = """
from huggingface_hub import HfFileSystem
with HfFileSystem().open("tester/model/model.safetensors", "rb", block_size=1000) as file:
    file.seek(70)
    print(list(file.read(3)))
"""
    assert hub.run(script) == "[70, 71, 72]"
