"""What the test Hub keeps: repositories, their commits, and the bytes of their files, all in memory."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime


class Missing(LookupError):
    """A repository, revision or file that is not there; `code` is the Hub's own word for it."""

    def __init__(self, code: str, sentence: str):
        super().__init__(sentence)
        self.code = code


@dataclass(frozen=True)
class File:
    """One version of one file. A large one travels by git's large file storage (LFS), the others inside a commit."""

    sha256: str
    git_oid: str
    size: int
    is_large: bool

    @property
    def oid(self) -> str:
        """The identity that clients compare with their own file, to send only what changed."""
        return self.sha256 if self.is_large else self.git_oid


@dataclass(frozen=True)
class Commit:
    """The whole tree at one moment, and the paths that were sent to make it."""

    oid: str
    title: str
    date: str
    files: Mapping[str, File]
    sent: tuple[str, ...] = ()


@dataclass
class Repository:
    """A line of commits, the newest last, and names for some of them."""

    kind: str
    name: str
    private: bool
    commits: list[Commit] = field(default_factory=list)
    tags: dict[str, str] = field(default_factory=dict)

    def at(self, revision: str) -> Commit:
        """The commit that a branch, a tag or an object id stands for."""
        if revision in ("main", "refs/heads/main"):
            return self.commits[-1]
        oid = self.tags.get(revision.removeprefix("refs/tags/"), revision)
        for commit in self.commits:
            if commit.oid == oid:
                return commit
        raise Missing("RevisionNotFound", f"no revision {revision} in {self.name}")

    def file(self, revision: str, path: str) -> File:
        """One file at one revision."""
        try:
            return self.at(revision).files[path]
        except KeyError:
            raise Missing("EntryNotFound", f"no file {path} at {revision} of {self.name}") from None

    def commit(self, title: str, files: Mapping[str, File], sent: tuple[str, ...] = ()) -> Commit:
        """Adds a tree on top of the others."""
        oid = hashlib.sha1(f"{self.name} {len(self.commits)} {title} {sorted(files.items())}".encode()).hexdigest()
        self.commits.append(Commit(oid, title, datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ"), files, sent))
        return self.commits[-1]


class Store:
    """All repositories, and all bytes by their SHA-256."""

    def __init__(self) -> None:
        self.repositories: dict[tuple[str, str], Repository] = {}
        self.blobs: dict[str, bytes] = {}

    def create(self, kind: str, name: str, *, private: bool) -> bool:
        """Opens a repository with one empty commit; False if there is one by that name."""
        if (kind, name) in self.repositories:
            return False
        repository = self.repositories[kind, name] = Repository(kind, name, private)
        repository.commit("initial commit", {})
        return True

    def repository(self, kind: str, name: str) -> Repository:
        """The repository of this kind (`models`, `datasets`, `spaces`) and name (`owner/name`)."""
        try:
            return self.repositories[kind, name]
        except KeyError:
            raise Missing("RepoNotFound", f"no repository {name} among the {kind}") from None

    def put(self, data: bytes) -> str:
        """Keeps some bytes and returns their SHA-256."""
        sha256 = hashlib.sha256(data).hexdigest()
        self.blobs[sha256] = data
        return sha256

    def describe(self, sha256: str, *, is_large: bool) -> File:
        """A file with the kept bytes of this hash; git names a large file by its pointer, not by its bytes."""
        if sha256 not in self.blobs:
            raise Missing("EntryNotFound", f"the bytes of {sha256} were never sent")
        size = len(self.blobs[sha256])
        pointer = f"version https://git-lfs.github.com/spec/v1\noid sha256:{sha256}\nsize {size}\n"
        content = pointer.encode() if is_large else self.blobs[sha256]
        git_oid = hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()
        return File(sha256, git_oid, size, is_large)
