"""Sharing a run folder on the Hub."""

from pathlib import Path

from huggingface_hub import HfApi

from toolkit.card import address_card
from toolkit.run_folder import RESULTS

SHARED = (
    *("*.safetensors", "*.json", "*.py", "*.txt", "*.jinja", "*.model", "*.spm"),
    *("README.md", "report.html", "predictions.jsonl"),
)
NOT_SHARED = ("checkpoint-*", ".*", "validation_predictions.jsonl", "skipped_rows.txt")
NEEDED = ("config.json", "*.safetensors", "README.md", RESULTS)


def push(folder: str | Path, repo_id: str, *, private: bool | None = None, token: str | None = None) -> str:
    """Publishes a run folder as a model: weights as safetensors, code, tokenizers, card and report.

    Checkpoints, and with them everything pickled, stay at home. One commit holds all files, so a reader sees the whole
    model or the one before.

    Args:
        folder: a finished run folder.
        repo_id: "owner/name", or a name under the owner of the token.
        private: whether only the owner may read a repository that is new.
        token: of an account that may write; none: `HF_TOKEN` or the one that `hf auth login` saved.

    Returns:
        The address of the commit.

    Raises:
        FileNotFoundError: the folder is not a finished run.
    """
    folder = Path(folder)
    missing = [name for name in NEEDED if not any(folder.glob(name))]
    if missing:
        raise FileNotFoundError(
            f"`folder` must be a finished run, but {folder} has no {', '.join(missing)}. Train first, or name another."
        )
    api = HfApi(token=token)
    repository = api.create_repo(repo_id, private=private, exist_ok=True)
    address_card(folder, repository.repo_id)
    return api.upload_folder(
        repo_id=repository.repo_id,
        folder_path=folder,
        allow_patterns=list(SHARED),
        ignore_patterns=[pattern + suffix for pattern in NOT_SHARED for suffix in ("", "/*")],
        commit_message=f"Share the run {folder.resolve().name}",
    ).commit_url


__all__ = ["push"]
