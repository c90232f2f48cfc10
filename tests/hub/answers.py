"""What the test Hub answers.

It speaks as much of the Hub's protocol as `huggingface_hub` needs to create, fill, list, tag, read and delete.
"""

import base64
import json
import mimetypes
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import parse_qs, urlsplit

from huggingface_hub import RepoCard

from tests.hub import card_rules
from tests.hub.store import File, Missing, Repository, Store

TOKEN = "hf_test"
USER = "tester"
LARGE_BYTES = 1_000_000
TEXT_ENDINGS = (".json", ".jsonl", ".md", ".txt", ".py", ".csv", ".tsv", ".html", ".jinja", ".gitattributes")


@dataclass(frozen=True)
class Request:
    """What a client asks."""

    method: str
    url: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def path(self) -> str:
        """The part of the address before the question mark, still quoted."""
        return urlsplit(self.url).path

    @property
    def query(self) -> dict[str, list[str]]:
        """The part of the address after the question mark."""
        return parse_qs(urlsplit(self.url).query)

    @property
    def host(self) -> str:
        """Where the client found us."""
        return f"http://{self.headers['Host']}"

    @property
    def is_authorised(self) -> bool:
        """Whether it carries the one token that counts here."""
        return self.headers.get("Authorization") == f"Bearer {TOKEN}"

    def json(self) -> dict:
        """The body, where it is JSON."""
        return json.loads(self.body)


@dataclass(frozen=True)
class Response:
    """What the client gets; a body that is not bytes is sent as JSON."""

    body: object = field(default_factory=dict)
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)


class Answers:
    """One method for each route of the server; it takes the request, and the parts of the route by name."""

    def __init__(self) -> None:
        self.store = Store()
        self.uploads: list[str] = []

    def open(self, request: Request, kind: str, name: str) -> Repository:
        """The repository that a request is about; a private one is hidden from strangers, as on the Hub."""
        repository = self.store.repository(kind, name)
        if repository.private and not request.is_authorised:
            raise Missing("RepoNotFound", f"no repository {name} among the {kind}")
        return repository

    def whoami(self, request: Request) -> Response:
        """Names the owner of the token."""
        access = {"displayName": "test", "role": "write"}
        return Response({"type": "user", "name": USER, "orgs": [], "auth": {"accessToken": access}})

    def create(self, request: Request) -> Response:
        """Opens a repository."""
        kind, name = addressed(request)
        url = f"{request.host}/{'' if kind == 'models' else kind + '/'}{name}"
        if self.store.create(kind, name, private=request.json().get("visibility") == "private"):
            return Response({"url": url, "name": name})
        return Response({"error": "You already created this repo", "url": url}, status=409)

    def delete(self, request: Request) -> Response:
        """Removes a repository with all its commits."""
        self.store.repository(*addressed(request))
        del self.store.repositories[addressed(request)]
        return Response()

    def check_card(self, request: Request) -> Response:
        """Reads the metadata of a card as the Hub's schema has it."""
        content, is_model = request.json()["content"], request.json()["repoType"] == "model"
        found = card_rules.errors(content) if is_model else []
        told = {"errors": found, "warnings": card_rules.warnings(content) if is_model else []}
        notes = {kind: [{"message": message} for message in messages] for kind, messages in told.items()}
        return Response(notes, 400 if found else 200)

    def catalogue(self, request: Request, kind: str) -> Response:
        """Lists the repositories of a kind that the asker may see."""
        author = request.query.get("author", [None])[0]
        found = [
            self.describe(repository, "main")
            for repository in self.store.repositories.values()
            if repository.kind == kind and author in (None, repository.name.split("/")[0])
            if request.is_authorised or not repository.private
        ]
        return Response(found)

    def describe(self, repository: Repository, revision: str) -> dict:
        """All about one repository at one revision, its card's metadata included."""
        commit = repository.at(revision)
        readme = commit.files.get("README.md")
        card = RepoCard(self.store.blobs[readme.sha256].decode()).data.to_dict() if readme else {}
        return {
            "id": repository.name,
            "sha": commit.oid,
            "private": repository.private,
            "lastModified": commit.date,
            "createdAt": repository.commits[0].date,
            "cardData": card,
            "tags": card.get("tags", []),
            "pipeline_tag": card.get("pipeline_tag"),
            "library_name": card.get("library_name"),
            "siblings": [{"rfilename": path, "size": file.size} for path, file in commit.files.items()],
        }

    def show(self, request: Request, kind: str, name: str, revision: str = "main") -> Response:
        """Describes one repository."""
        return Response(self.describe(self.open(request, kind, name), revision))

    def refs(self, request: Request, kind: str, name: str) -> Response:
        """Lists branches (there is one) and tags."""
        repository = self.open(request, kind, name)
        main = {"name": "main", "ref": "refs/heads/main", "targetCommit": repository.at("main").oid}
        tags = [{"name": n, "ref": f"refs/tags/{n}", "targetCommit": oid} for n, oid in repository.tags.items()]
        return Response({"branches": [main], "tags": tags, "converts": []})

    def history(self, request: Request, kind: str, name: str, revision: str) -> Response:
        """Lists the commits, the newest first."""
        commits = reversed(self.open(request, kind, name).commits)
        by = [{"user": USER}]
        return Response(
            [{"id": c.oid, "title": c.title, "message": "", "date": c.date, "authors": by} for c in commits]
        )

    def tree(self, request: Request, kind: str, name: str, revision: str, folder: str = "") -> Response:
        """Lists the files and folders under a folder, or under the root."""
        files = self.open(request, kind, name).at(revision).files
        prefix = f"{folder.rstrip('/')}/" if folder else ""
        deep = request.query.get("recursive", [""])[0].lower() == "true"
        inside = [entry for entry in entries(files) if entry["path"].startswith(prefix)]
        if prefix and not inside:
            raise Missing("EntryNotFound", f"no folder {folder} at {revision} of {name}")
        return Response([entry for entry in inside if deep or "/" not in entry["path"].removeprefix(prefix)])

    def paths_info(self, request: Request, kind: str, name: str, revision: str) -> Response:
        """Describes the files and folders that a client asks about by path."""
        files = self.open(request, kind, name).at(revision).files
        wanted = parse_qs(request.body.decode())["paths"]
        return Response([entry for entry in entries(files) if entry["path"] in wanted])

    def preupload(self, request: Request, kind: str, name: str, revision: str) -> Response:
        """Says how each file shall travel, and which version of it is here already."""
        here = self.open(request, kind, name).at(revision).files
        answers = []
        for file in request.json()["files"]:
            is_large = file["size"] >= LARGE_BYTES or not file["path"].endswith(TEXT_ENDINGS)
            answer = {"path": file["path"], "uploadMode": "lfs" if is_large else "regular", "shouldIgnore": False}
            answers.append(answer | ({"oid": here[file["path"]].oid} if file["path"] in here else {}))
        return Response({"files": answers})

    def batch(self, request: Request, kind: str, name: str) -> Response:
        """Says where to send the large files that are not here yet."""
        self.open(request, kind, name)
        objects = []
        for wanted in request.json()["objects"]:
            upload = {"upload": {"href": f"{request.host}/lfs/{wanted['oid']}"}}
            objects.append(wanted | ({} if wanted["oid"] in self.store.blobs else {"actions": upload}))
        return Response({"transfer": "basic", "objects": objects})

    def upload(self, request: Request, sha256: str) -> Response:
        """Takes the bytes of a large file."""
        if self.store.put(request.body) != sha256:
            return refusal(400, "BadHash", f"these are not the bytes of {sha256}")
        self.uploads.append(sha256)
        return Response()

    def commit(self, request: Request, kind: str, name: str, revision: str) -> Response:
        """Turns one JSON line per change into a commit; a change upon an outdated commit is refused."""
        repository = self.open(request, kind, name)
        header, *changes = [json.loads(line) for line in request.body.splitlines() if line.strip()]
        if header["value"].get("parentCommit", repository.at(revision).oid) != repository.at(revision).oid:
            return refusal(412, "PreconditionFailed", "the branch has moved on since the parent commit")
        files = dict(repository.at(revision).files)
        for change in changes:
            self.apply(change["key"], change["value"], files)
        sent = tuple(change["value"]["path"] for change in changes)
        commit = repository.commit(header["value"]["summary"], files, sent)
        url = f"{request.host}/{name}/commit/{commit.oid}"
        return Response({"success": True, "commitOid": commit.oid, "commitUrl": url, "hookOutput": ""})

    def apply(self, key: str, value: dict, files: dict[str, File]) -> None:
        """Makes one change of a commit to the files."""
        path = value["path"]
        match key:
            case "file":
                files[path] = self.store.describe(self.store.put(base64.b64decode(value["content"])), is_large=False)
            case "lfsFile":
                files[path] = self.store.describe(value["oid"], is_large=True)
            case "deletedFile":
                files.pop(path, None)
            case "deletedFolder":
                for inside in [name for name in files if name.startswith(f"{path.rstrip('/')}/")]:
                    del files[inside]

    def tag(self, request: Request, kind: str, name: str, revision: str) -> Response:
        """Gives a commit a name."""
        repository = self.open(request, kind, name)
        repository.tags[request.json()["tag"]] = repository.at(revision).oid
        return Response()

    def resolve(self, request: Request, kind: str, name: str, revision: str, path: str) -> Response:
        """Sends a file, or the part of it that was asked for."""
        repository = self.open(request, kind, name)
        file = repository.file(revision, path)
        headers = {
            "X-Repo-Commit": repository.at(revision).oid,
            "ETag": f'"{file.oid}"',
            "Accept-Ranges": "bytes",
            "Content-Type": mimetypes.guess_type(path)[0] or "application/octet-stream",
        }
        if file.is_large:
            headers |= {"X-Linked-Etag": f'"{file.sha256}"', "X-Linked-Size": str(file.size)}
        data = self.store.blobs[file.sha256]
        wanted = re.fullmatch(r"bytes=(\d+)-(\d*)", request.headers.get("Range", ""))
        if not wanted:
            return Response(data, headers=headers)
        first, last = int(wanted[1]), min(int(wanted[2] or file.size), file.size - 1)
        return Response(data[first : last + 1], 206, headers | {"Content-Range": f"bytes {first}-{last}/{file.size}"})


def refusal(status: int, code: str, sentence: str) -> Response:
    """An error in the form that the client turns into its own exceptions."""
    return Response({"error": sentence}, status, {"X-Error-Code": code, "X-Error-Message": sentence})


def addressed(request: Request) -> tuple[str, str]:
    """Kind and full name of the repository in the body of a request."""
    body = request.json()
    return f"{body.get('type') or 'model'}s", f"{body.get('organization') or USER}/{body['name']}"


def entries(files: Mapping[str, File]) -> list[dict]:
    """Files and the folders that they stand in, as the Hub lists them."""
    folders = {"/".join(path.split("/")[:depth]) for path in files for depth in range(1, path.count("/") + 1)}
    listed = [{"type": "directory", "path": folder, "size": 0, "oid": ""} for folder in sorted(folders)]
    for path, file in sorted(files.items()):
        large = {"lfs": {"oid": file.sha256, "size": file.size, "pointerSize": 134}} if file.is_large else {}
        listed.append({"type": "file", "path": path, "size": file.size, "oid": file.git_oid} | large)
    return listed
