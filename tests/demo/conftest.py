"""Runs small enough to be made on the spot, with hostile names, and the page of each in a process of its own."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pytest

from tests.hub.conftest import hub
from tests.models import clips, texts
from tests.models.tiny import EOS, tiny_core
from tests.report.conftest import chromium, started
from toolkit.models import LogMelFeatureExtractor, SpeechSeq2SeqProcessor, save_portable

__all__ = ["chromium", "hub", "started"]

ROOT = Path(__file__).parents[2]
HOSTILE = "<img src=x onerror=\"document.title='ran'\">"
CARD = "---\ntags:\n- seq2seq\n- {task}\n---\n"


@pytest.fixture(scope="session")
def translator(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that translates four sentences' worth of words, at random."""
    folder = tmp_path_factory.mktemp("runs") / HOSTILE.replace("/", "")
    save_portable(texts.ours(), texts.processor(), folder)
    (folder / "README.md").write_text(CARD.format(task="translation"))
    (folder / "predictions.jsonl").write_text('{"source": "the cat sleeps"}\n')
    return folder


@pytest.fixture(scope="session")
def detector(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that finds events in any video, at random, some of them with a hostile label."""
    folder = tmp_path_factory.mktemp("runs") / "events"
    labels = [HOSTILE, "<script>document.title='ran'</script>", "nothing"]
    processor = clips.frame_processor(labels=labels, background="nothing")
    save_portable(clips.labeller("cnn").float(), processor, folder)
    return folder


@pytest.fixture(scope="session")
def recogniser(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that hears words in any sound, at random."""
    folder = tmp_path_factory.mktemp("runs") / "speech"
    kind = dict(attention_type="location", frame_stacking=3, source_vocab_size=None, input_feature_size=40)
    model = tiny_core(vocab_size=len(texts.tokenizer()), **kind).float()
    model.lm_head.bias.data[EOS] = -9.0  # it goes on until it may not
    model.generation_config.max_new_tokens = 6
    save_portable(model, SpeechSeq2SeqProcessor(LogMelFeatureExtractor(40, 8000), texts.tokenizer()), folder)
    return folder


@dataclass(frozen=True)
class Served:
    """A page that somebody serves from this machine."""

    address: str
    process: subprocess.Popen[str]

    def stop(self) -> str:
        """Interrupts it as Ctrl+C does, and returns what it wrote to its standard error."""
        self.process.send_signal(signal.SIGINT)
        try:
            _, told = self.process.communicate(timeout=60)
        finally:
            self.process.kill()  # whatever went wrong, no page is served on
        assert self.process.returncode == 0, told
        return told


def serve(*command: str, folder: Path, **environment: str) -> Served:
    """Starts a page and waits until it answers."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    surroundings = {**os.environ, "GRADIO_SERVER_PORT": port, "PYTHONPATH": str(ROOT), **environment}
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    heeds = partial(signal.signal, signal.SIGINT, signal.default_int_handler)  # a shell's background job does not
    process = subprocess.Popen([sys.executable, *command], cwd=folder, env=surroundings, preexec_fn=heeds, **pipes)
    for line in process.stdout or ():
        if line.startswith("Open "):
            return Served(line.split()[1], process)
    raise AssertionError((process.stderr and process.stderr.read()) or "the page ended without a word")


@pytest.fixture(scope="session")
def page_of(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[Path], Served]]:
    """Serves the page of a run once for all tests that ask for it."""
    pages: dict[Path, Served] = {}

    def page(run: Path) -> Served:
        if run not in pages:
            pages[run] = serve("-m", "toolkit.demo", str(run), folder=tmp_path_factory.mktemp("served"))
        return pages[run]

    yield page
    for served in pages.values():
        served.stop()
