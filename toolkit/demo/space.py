"""A run as a Space of the Hub: the same page, with all that it needs in one folder."""

import re
import shutil
import tempfile
from importlib.metadata import requires, version
from pathlib import Path

from huggingface_hub import HfApi, SpaceCard, SpaceCardData

from toolkit.demo.serving import task_of
from toolkit.portable import CARD, FINGERPRINTS, shared_files
from toolkit.run_folder import ARGUMENTS, PREDICTIONS, RESULTS

DISTRIBUTION = "multimodal-seq2seq"
LEFT_OUT = {CARD, RESULTS, ARGUMENTS, PREDICTIONS, FINGERPRINTS, "report.html"}
APP = '''"""The page of {name}."""

from toolkit.demo import launch

if __name__ == "__main__":
    launch("model", task={task!r}, name={name!r})
'''


def write_space(run: str | Path, folder: str | Path, *, task: str | None = None) -> Path:
    """Writes the folder of a Space: `app.py`, `requirements.txt`, `README.md`, the model, and this package.

    The package travels along because no registry has it; the versions are those that are installed here.

    Args:
        run: a finished run folder.
        folder: to write; it must be new or empty.
        task: what the page is for; none: what the run was trained for.
    """
    run, folder = Path(run), Path(folder)
    if not any(run.glob("*.safetensors")):
        raise FileNotFoundError(
            f"`run` must be a finished run, but {run} has no weights. Train first, or name another."
        )
    if folder.exists() and any(folder.iterdir()):
        raise FileExistsError(f"`folder` must be new or empty, but {folder} is not. Choose another.")
    name, task = run.resolve().name, task or task_of(run)
    for inside in shared_files(run):
        if inside not in LEFT_OUT and not inside.startswith("report_media/"):
            (folder / "model" / inside).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(run / inside, folder / "model" / inside)
    shutil.copytree(Path(__file__).parents[1], folder / "toolkit", ignore=shutil.ignore_patterns("__pycache__"))
    (folder / "app.py").write_text(APP.format(name=name, task=task), encoding="utf-8")
    (folder / "requirements.txt").write_text("".join(f"{line}\n" for line in _pins()), encoding="utf-8")
    card = SpaceCardData(
        title=name, sdk="gradio", sdk_version=version("gradio"), python_version="3.11", app_file="app.py"
    )
    SpaceCard(f"---\n{card.to_yaml()}\n---\n\nA page to try a model for {task} in.\n").save(folder / "README.md")
    return folder


def push_space(
    run: str | Path, repo_id: str, *, task: str | None = None, private: bool | None = None, token: str | None = None
) -> str:
    """Publishes a run as a Space and returns its address.

    Args:
        run: a finished run folder.
        repo_id: "owner/name", or a name under the owner of the token.
        task: what the page is for; none: what the run was trained for.
        private: whether only the owner may see a Space that is new.
        token: of an account that may write; none: `HF_TOKEN` or the one that `hf auth login` saved.
    """
    api = HfApi(token=token)
    with tempfile.TemporaryDirectory(prefix="space-") as folder:
        write_space(run, folder, task=task)
        space = api.create_repo(repo_id, repo_type="space", space_sdk="gradio", private=private, exist_ok=True)
        api.upload_folder(
            repo_id=space.repo_id,
            repo_type="space",
            folder_path=folder,
            commit_message=f"Show the run {Path(run).resolve().name}",
        )
    return str(space)


def _pins() -> list[str]:
    """What the package needs, in the versions that are installed; a Space brings Gradio itself."""
    needed = [line for line in requires(DISTRIBUTION) or () if "extra ==" not in line]
    names = [re.match(r"[\w.-]+", line) for line in needed]
    return [f"{name[0]}=={version(name[0]).partition('+')[0]}" for name in names if name]


__all__ = ["push_space", "write_space"]
