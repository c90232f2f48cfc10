"""A reader of a shared folder who has torch, transformers and what these require, and nothing else.

`toolkit.trial` runs it as `python -I stranger.py FOLDER`, with what to ask as JSON on standard input: `load` (code, in
which FOLDER stands for the folder), `ask` (an expression) and `questions` (expressions that take the place of QUESTION
in it). The last line that it prints is JSON: `answers`, and `shown`, as Python prints them.
"""

import importlib.machinery
import importlib.metadata
import json
import sys
from collections.abc import Iterator


def required(name: str, extras: tuple[str, ...] = (), found: set[str] | None = None) -> set[str]:
    """The names of a distribution and of all that it requires here, as far as they are installed."""
    from packaging.requirements import Requirement
    from packaging.utils import canonicalize_name

    found = set() if found is None else found
    try:
        lines = importlib.metadata.requires(name) or []
    except importlib.metadata.PackageNotFoundError:
        return found
    found.add(canonicalize_name(name))
    for need in map(Requirement, lines):
        is_asked = need.marker is None or any(need.marker.evaluate({"extra": extra}) for extra in ("", *extras))
        if is_asked and (need.extras or canonicalize_name(need.name) not in found):
            required(need.name, tuple(need.extras), found)
    return found


class Bare:
    """Finds the standard library and the packages of some distributions, and nothing else that is installed.

    Args:
        distributions: their names.
    """

    def __init__(self, distributions: set[str]) -> None:
        self.distributions = distributions
        owners = importlib.metadata.packages_distributions()
        self.packages = {name for name, some in owners.items() if distributions & set(map(self.canonical, some))}
        self.packages |= {*sys.stdlib_module_names, "transformers_modules"}

    @staticmethod
    def canonical(name: str) -> str:
        """A distribution's name as indices write it."""
        return name.lower().replace("_", "-").replace(".", "-")

    def find_spec(self, name: str, path: object = None, target: object = None) -> object:
        """As the import system asks."""
        package = name.partition(".")[0]
        if package not in self.packages and not package.startswith("_sysconfigdata"):  # called after the platform
            return None
        return importlib.machinery.PathFinder.find_spec(name, path, target)  # type: ignore[arg-type]

    def find_distributions(self, context: object = None) -> Iterator[importlib.metadata.Distribution]:
        """As `importlib.metadata` asks: what cannot be imported is not installed either."""
        context = context or importlib.metadata.DistributionFinder.Context()
        for found in importlib.metadata.MetadataPathFinder.find_distributions(context):  # type: ignore[arg-type]
            if self.canonical(found.metadata["Name"]) in self.distributions:
                yield found

    def invalidate_caches(self) -> None:
        """As the import system asks."""
        importlib.machinery.PathFinder.invalidate_caches()


def main() -> None:
    """Forgets every other package, loads the folder, asks, and prints the answers."""
    distributions = required("torch") | required("transformers")
    sys.meta_path[:] = [
        importlib.machinery.BuiltinImporter,
        importlib.machinery.FrozenImporter,
        Bare(distributions),  # type: ignore[list-item]
    ]
    job = json.load(sys.stdin)
    import torch
    import transformers

    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    names: dict[str, object] = {"torch": torch}
    exec(job["load"].replace("FOLDER", repr(sys.argv[1])), names)
    answers = []
    for question in job["questions"]:
        torch.manual_seed(0)
        answers.append(eval(job["ask"].replace("QUESTION", question), names))
    print("\n" + json.dumps({"answers": answers, "shown": [repr(answer) for answer in answers]}))


if __name__ == "__main__":
    main()
