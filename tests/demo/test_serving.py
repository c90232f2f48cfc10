"""What the page answers, and the folder that makes it a Space."""

import json
import re
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path
from types import SimpleNamespace
from urllib.request import urlopen

import pytest
from huggingface_hub import SpaceCard

from tests.adapters.video.drawn import draw
from tests.demo.conftest import serve
from tests.report.document import Element, read, tone, wav
from toolkit import pipeline
from toolkit.demo import launch, write_space
from toolkit.demo.answers import LONGEST_SECONDS, Upload, heard, watched, written
from toolkit.demo.page import DESKS, answered
from toolkit.demo.serving import TASKS, examples_of, task_of


def tables(markup: str) -> list[Element]:
    return list(read(markup).all("table"))


def test_every_task_of_the_pipeline_has_a_page() -> None:
    assert set(DESKS) == set(TASKS)


def test_an_upload_is_removed_as_soon_as_it_is_read(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    path.write_bytes(b"sound")

    assert Upload.taken(str(path)) == Upload("a.wav", b"sound")
    assert not path.exists()


def test_a_sentence_is_answered_with_its_map_and_its_steps(translator: Path) -> None:
    serve = pipeline("translation", str(translator))
    words, figures = written(serve, "the cat sleeps")

    assert words == serve("the cat sleeps")[0]["translation_text"]
    seen, considered = (next(table.all("tbody")) for table in (tables(figures)[0], tables(figures)[-1]))
    assert len(list(seen.all("tr"))) == len(list(considered.all("tr"))) > 0
    assert "▁cat" in tables(figures)[0].text


@pytest.mark.parametrize(
    ("sentence", "complaint"), [(" \n", "There is nothing to read yet"), ("a" * 2001, "but has 2,001. Shorten it.")]
)
def test_a_text_that_cannot_be_answered_is_refused(sentence: str, complaint: str) -> None:
    with pytest.raises(ValueError, match=re.escape(complaint)):
        written(None, sentence)


def test_what_is_too_long_for_a_page_is_refused_before_it_is_read_whole() -> None:
    sound = wav(tone(LONGEST_SECONDS + 2, sample_rate_hz=1000), 1000)

    with pytest.raises(ValueError, match="`a.wav` must last at most 300 s on this page, but is longer"):
        heard(SimpleNamespace(engine=SimpleNamespace(sample_rate_hz=16000)), Upload("a.wav", sound))


def test_a_recording_is_heard_at_the_rate_that_the_model_knows() -> None:
    engine, given = SimpleNamespace(sample_rate_hz=24_000, knows_words=False), []

    def serve(sound: dict, return_timestamps: object) -> dict:
        given.append((sound["sampling_rate"], len(sound["raw"])))
        return {"text": "a", "chunks": []}

    serve.engine = engine
    assert heard(serve, Upload("a.wav", wav(tone(2.0, sample_rate_hz=48_000), 48_000)))[0] == "a"
    assert given == [(24_000, 48_000)]


def test_a_whole_video_has_its_likeliest_label_from_beginning_to_end() -> None:
    content = Path(draw("film.mp4", ["none", "left"] * 5)).read_bytes()
    said, figure = watched(
        lambda _: [{"label": "<b>", "score": 0.75}, {"label": "c", "score": 0.25}], Upload("a", content)
    )

    assert said == "<b> 0.75, c 0.25"
    assert "&lt;b&gt;" in figure and "1.00" in figure and "truth" not in figure


def test_a_mistake_of_ours_costs_the_reader_one_sentence_and_the_log_has_the_rest(
    capsys: pytest.CaptureFixture,
) -> None:
    def fails(sentence: str, **_: object) -> None:
        raise RuntimeError("secret place /srv/models")

    words, figure = answered(fails, DESKS["translation"], "a cat")
    assert words == "" and 'role="alert"' in figure and "secret" not in figure
    assert "secret place" in capsys.readouterr().err


def test_the_task_is_read_from_the_card_or_the_configuration(translator: Path, detector: Path, tmp_path: Path) -> None:
    assert task_of(translator) == "translation"
    assert task_of(detector) == "video-event-detection"

    silent = tmp_path / "silent"
    silent.mkdir()
    (silent / "config.json").write_text((translator / "config.json").read_text())
    with pytest.raises(ValueError, match="`task` must be given, since the card of .*silent names none"):
        task_of(silent)


def test_examples_are_short_sources_that_were_evaluated(tmp_path: Path) -> None:
    assert examples_of(tmp_path) == []
    rows = [{"source": "a" * 101}, *({"source": f"row {number}"} for number in range(9))]
    (tmp_path / "predictions.jsonl").write_text("\n".join(map(json.dumps, rows)))
    assert examples_of(tmp_path) == ["row 0", "row 1", "row 2", "row 3"]


def test_a_missing_extra_is_told_in_one_sentence(monkeypatch: pytest.MonkeyPatch, translator: Path) -> None:
    monkeypatch.setattr("toolkit.demo.serving.find_spec", lambda name: None)

    with pytest.raises(ModuleNotFoundError, match=r"run: pip install -e '\.\[demo\]'$"):
        launch(translator)


def test_a_mistake_on_the_command_line_costs_one_line(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "toolkit.demo", str(tmp_path), "--write_space", "space"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)

    assert done.returncode == 1
    assert done.stderr.splitlines() == [
        f"`run` must be a finished run, but {tmp_path} has no weights. Train first, or name another."
    ]


def test_a_space_has_the_page_the_model_and_pinned_versions_and_nothing_private(
    translator: Path, tmp_path: Path
) -> None:
    space = write_space(translator, tmp_path / "space")

    assert {path.name for path in space.iterdir()} == {"README.md", "app.py", "model", "requirements.txt", "toolkit"}
    assert not [path for path in space.rglob("*") if path.name.startswith(("predictions", ".", "__pycache__"))]
    pins = dict(line.split("==") for line in (space / "requirements.txt").read_text().splitlines())
    assert pins["transformers"] == version("transformers") and all(pins.values())
    data = SpaceCard.load(space / "README.md").data
    assert (data.sdk, data.sdk_version, data.app_file) == ("gradio", version("gradio"), "app.py")
    assert data.title == translator.name
    with pytest.raises(FileExistsError, match="`folder` must be new or empty"):
        write_space(translator, space)


@pytest.mark.slow
def test_the_app_of_a_space_serves_the_page_and_leaves_no_upload_behind(translator: Path, tmp_path: Path) -> None:
    space = write_space(translator, tmp_path / "space")
    (tmp_path / "temporary").mkdir()

    served = serve("app.py", folder=space, PYTHONPATH="", TMPDIR=str(tmp_path / "temporary"))
    assert b"gradio_config" in urlopen(served.address, timeout=60).read()
    served.stop()
    assert list((tmp_path / "temporary").glob("demo-*")) == []


@pytest.mark.slow
def test_a_run_is_pushed_as_a_space(hub, translator: Path) -> None:
    address = hub.run(
        "import sys; from toolkit.demo import push_space; print(push_space(sys.argv[1], 'tester/page'))", translator
    )

    assert "spaces/tester/page" in address
    files = hub.repository("tester/page", "spaces").at("main").files
    assert {
        "app.py",
        "requirements.txt",
        "README.md",
        "model/model.safetensors",
        "toolkit/demo/page.css",
    } <= files.keys()
