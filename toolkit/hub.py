"""Sharing a run folder on the Hub, and taking models from there, over networks that fail now and then."""

import json
import re
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

from httpx2 import HTTPError, TransportError
from huggingface_hub import (
    CommitOperationAdd,
    CommitOperationDelete,
    HfApi,
    ModelCard,
    get_token,
    snapshot_download,
)
from huggingface_hub.errors import (
    HfHubHTTPError,
    HFValidationError,
    IncompleteSnapshotError,
    LocalEntryNotFoundError,
    OfflineModeIsEnabled,
)

from toolkit.arguments import RecipeArguments
from toolkit.card import card_to_share
from toolkit.portable import CARD, FINGERPRINTS, MODEL_FILES, shared_files, verify
from toolkit.trial import NotPortable

Answer = TypeVar("Answer")
CommitOperation = CommitOperationAdd | CommitOperationDelete
PAUSES_SECONDS = (1, 2, 4, 8)
"""How long to wait before the next try; the client waits alike inside those requests that it repeats itself."""
PASSING = (408, 429, 500, 502, 503, 504)
TOKEN_FLAGS = ("--hub_token", "--hub-token")
OTHER_WEIGHTS = ("checkpoint-*", "model.?*.safetensors", "*/*.safetensors")


def push(folder: str | Path, repo_id: str, *, private: bool | None = None, token: str | None = None) -> str:
    """Publishes a run folder as a model: weights as safetensors, code, tokenizers, card and report.

    Before anything is sent the folder is compared with what the run left, and loaded by a process that has torch and
    transformers only; see `toolkit.portable`. Checkpoints stay at home. One commit holds all files and removes those
    that only an earlier push has brought, so a reader sees the whole model or the one before; what the Hub has already
    is not sent again. Requests that fail on the way are repeated.

    Args:
        folder: a finished run folder.
        repo_id: "owner/name", or a name under the owner of the token.
        private: whether only the owner may read a repository that is new.
        token: of an account that may write; none: `HF_TOKEN` or the one that `hf auth login` saved.

    Returns:
        The address of the commit.

    Raises:
        FileNotFoundError: the folder is not a finished run.
        NotPortable: the folder is not what the run left, or does not answer elsewhere as it did here.
        ValueError: it was to be private, but the repository is there and public.
        OSError: the Hub refuses, or cannot be reached.
    """
    folder = Path(folder).resolve()
    verify(folder)
    return send(folder, repo_id, private=private, token=token)


def send(folder: Path, repo_id: str, *, private: bool | None = None, token: str | None = None) -> str:
    """Publishes a folder that was verified; see `push`."""
    card, api = (folder / CARD).read_text(encoding="utf-8"), HfApi(token=token)
    names = [name for name in shared_files(folder) if name != CARD]

    def commit(name: str) -> str:  # what an earlier try has left on the Hub is found there and not sent again
        content: list[CommitOperation] = [CommitOperationAdd(file, folder / file) for file in names]
        content.append(CommitOperationAdd(CARD, card_to_share(card, name).encode()))
        content += [CommitOperationDelete(file) for file in sorted(_shared_before(api, name) - {*names, CARD})]
        return api.create_commit(name, content, commit_message=f"Share the run {folder.name}").commit_url

    try:
        _validate(card_to_share(card, repo_id))
        name = _persistently(lambda: api.create_repo(repo_id, private=private, exist_ok=True)).repo_id
        if private and not _persistently(lambda: api.model_info(name)).private:
            raise ValueError(
                f"`private` was asked for, but {name} is there and public. Name another, or hide it first."
            )
        return _persistently(lambda: commit(name))
    except (HfHubHTTPError, HTTPError, OfflineModeIsEnabled) as error:
        raise OSError(
            f"`{repo_id}` could not be written on the Hub ({_reason(error, token)}). It is as it was before or, where "
            "only the answer was lost, whole. Check the connection and the token, then push again."
        ) from error


def _shared_before(api: HfApi, name: str) -> set[str]:
    """Files on the Hub that an earlier push of a run has brought; what its owner has put beside them is not of them."""
    there = set(api.list_repo_files(name))
    if FINGERPRINTS not in there:
        return set()
    noted = json.loads(Path(api.hf_hub_download(name, FINGERPRINTS)).read_text(encoding="utf-8"))
    return there & noted["files"].keys()


def _validate(card: str) -> None:
    try:
        _persistently(ModelCard(card).validate)
    except ValueError as error:
        reason = _reason(error)
        raise NotPortable(f"`{CARD}` has metadata that the Hub refuses ({reason}). Correct its first lines.") from error


def share_run(folder: Path, arguments: RecipeArguments) -> None:
    """Pushes a run at its end; a failure costs nothing but this.

    Raises:
        OSError: with the reason and the command that shares the run later.
    """
    repo_id, token = arguments.hub_model_id or folder.resolve().name, arguments.hub_token
    try:
        print(f"Shared: {push(folder, repo_id, private=arguments.hub_private_repo, token=token)}")
    except Exception as error:  # what the client and its parts raise has no base class in common
        private = "" if arguments.hub_private_repo is None else f", private={arguments.hub_private_repo}"
        raise OSError(
            f"The run is whole in {folder}, but could not be shared. {_reason(error, token)} "
            f"Share it later: python -c \"import toolkit; toolkit.push('{folder}', '{repo_id}'{private})\""
        ) from None  # a traceback of the client may quote its headers


def fetch(name: str, *, revision: str | None = None) -> str:
    """The folder of a model: itself if it is one, else all that a model needs, from the Hub or its cache.

    All files are of one commit, also when somebody pushes meanwhile.

    Args:
        name: a folder or Hub id.
        revision: branch, tag or commit on the Hub.

    Raises:
        OSError: there is no such model, here or on the Hub, or it cannot be reached.
    """
    if Path(name).exists():
        return name

    def take(*patterns: str) -> str:
        ignored = list(OTHER_WEIGHTS)
        return _persistently(
            lambda: snapshot_download(name, revision=revision, allow_patterns=list(patterns), ignore_patterns=ignored)
        )

    try:
        folder = take(*MODEL_FILES)
        return folder if any(Path(folder).glob("*.safetensors")) else take(*MODEL_FILES, "*.bin")
    except (HfHubHTTPError, HTTPError, HFValidationError, LocalEntryNotFoundError, IncompleteSnapshotError) as error:
        at = "" if revision is None else f" at the revision {revision}"
        raise OSError(
            f"`model` must be a folder or the id of a model on the Hub, but {name}{at} is no folder and cannot be read "
            f"there ({_reason(error)}). Check the name and, if it is private, log in (`hf auth login`, or `HF_TOKEN`)."
        ) from error


def masked(words: Sequence[str]) -> list[str]:
    """A command line without its token, so that it can be shown.

    >>> masked(["recipe.py", "--hub_token", "hf_x", "--seed=1"])
    ['recipe.py', '--hub_token', '<token>', '--seed=1']
    """
    before = ["", *words]
    shown = ["<token>" if last in TOKEN_FLAGS else word for last, word in zip(before, words, strict=False)]
    return [re.sub(r"^(--hub[_-]token)=.*", r"\1=<token>", word) for word in shown]


def _persistently(request: Callable[[], Answer]) -> Answer:
    """Repeats what fails for a reason that may pass, a little later each time."""
    for pause in PAUSES_SECONDS:
        try:
            return request()
        except (HfHubHTTPError, TransportError, LocalEntryNotFoundError) as error:
            if not _may_pass(error):
                raise
            print(f"The Hub did not answer ({_reason(error)}). Trying again in {pause} s.", file=sys.stderr)
            time.sleep(pause)
    return request()


def _may_pass(error: BaseException | None) -> bool:
    if isinstance(error, HfHubHTTPError):
        return error.response is not None and error.response.status_code in PASSING
    return isinstance(error, TransportError) or (
        isinstance(error, LocalEntryNotFoundError) and _may_pass(error.__cause__)
    )


def _reason(error: BaseException, token: str | None = None) -> str:
    """What an error says, in one line and without the token."""
    if isinstance(error, LocalEntryNotFoundError) and error.__cause__ is not None:
        error = error.__cause__
    text = str(error)
    if isinstance(error, HfHubHTTPError) and error.response is not None:
        text = f"{error.response.status_code}: {error.server_message or error.response.reason_phrase}"
    text = " ".join(text.split()) or type(error).__name__
    for secret in filter(None, (token, token and token.strip(), get_token())):
        text = text.replace(secret, "<token>")
    return text


__all__ = ["fetch", "masked", "push", "send", "share_run"]
