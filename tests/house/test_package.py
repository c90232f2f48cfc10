"""What `pip install` brings to a user's machine."""

import shutil
import subprocess
import sys
import zipfile

import pytest

from tests.house.source import ROOT


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> set[str]:
    """The files of the wheel, built from a copy so that nothing is left in the project."""
    folder = tmp_path_factory.mktemp("package")
    unwanted = shutil.ignore_patterns(".*", "runs", "build", "dist", "*.egg-info", "__pycache__")
    shutil.copytree(ROOT, folder / "project", ignore=unwanted)
    command = "-m pip wheel --quiet --no-deps --no-index --no-build-isolation --wheel-dir"
    subprocess.run([sys.executable, *command.split(), folder, folder / "project"], check=True, capture_output=True)
    (built,) = folder.glob("*.whl")
    return set(zipfile.ZipFile(built).namelist())


def test_every_file_that_the_package_reads_is_shipped(wheel):
    needed = [path for kind in ("py", "css", "js") for path in (ROOT / "toolkit").rglob(f"*.{kind}")]
    assert {str(path.relative_to(ROOT)) for path in needed} <= wheel


def test_only_the_package_its_facts_and_its_licence_are_shipped(wheel):
    package = {path for path in wheel if path.startswith("toolkit/")}
    assert {path.rpartition(".")[2] for path in package} <= {"py", "css", "js"}
    assert {path.split("/")[0].rpartition(".")[2] for path in wheel - package} == {"dist-info"}
    assert any(path.endswith("dist-info/licenses/LICENSE") for path in wheel)
