"""The page: whole, closed to the outside, safe with any label, and written in one step."""

import base64
import hashlib
import os
import random
from pathlib import Path

import numpy as np
import pytest

from tests.report.document import figures, read, sections
from toolkit.report import Section, attention_map, curves, page, recording, timeline, worst_cases, write_page

HOSTILE = [
    "<script>alert(1)</script>",
    "</script><script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "' onmouseover='alert(1)' x='",
    "</style></svg></table><b>",
    "<!-- <![CDATA[",
    "&lt;b&gt; &amp;",
    "{title} %s ${title} \\",
]
FOREIGN = ["مرحبا بالعالم", "שלום", "私は猫が好きです", "안녕하세요", "e\u0301 🤷🏽‍♀️", "\u202eturned\u202c"]


@pytest.mark.parametrize("label", ["plain", *HOSTILE, *FOREIGN])
def test_every_tag_of_a_page_is_closed_in_its_turn_whatever_the_labels(label: str) -> None:
    tree = read(page(label, sections(label), subtitle=label))

    assert [element.tag for element in tree.all("section")] == ["section"] * len(figures(label))


@pytest.mark.parametrize("label", [*HOSTILE, *FOREIGN])
@pytest.mark.parametrize("name", figures("plain"))
def test_a_label_is_shown_and_never_becomes_markup(name: str, label: str) -> None:
    plain, labelled = read(figures("plain")[name]), read(figures(label)[name])

    assert [element.tag for element in labelled.all()] == [element.tag for element in plain.all()]
    assert label in labelled.text
    assert not [key for element in labelled.all() for key in element.attributes if key.startswith("on")]


@pytest.mark.parametrize("label", HOSTILE)
def test_titles_and_notes_are_shown_and_never_become_markup(label: str) -> None:
    tree = read(page(label, [Section(label, "<p>body</p>", note=label)], subtitle=label))

    assert len(list(tree.all("script"))) == 1
    for place in ("title", "h1", "h2", "nav"):
        assert label in next(tree.all(place)).text
    assert [note.text for note in tree.of_class("note")] == [label]
    assert [subtitle.text for subtitle in tree.of_class("subtitle")] == [label]


def test_a_page_asks_for_nothing_outside_itself() -> None:
    whole = page("run", sections("plain"))

    for reach in ("http://", "https://", "url(", "@import", "fetch(", "XMLHttpRequest"):
        assert reach not in whole
    sources = [element.attributes["src"] for element in read(whole).all() if "src" in element.attributes]
    assert sources and all(source.startswith("data:") for source in sources)
    links = [element.attributes["href"] for element in read(whole).all() if "href" in element.attributes]
    assert {link for link in links if not link.startswith("#")} == {"data:,"}


def test_the_content_policy_admits_the_script_of_the_page_and_no_other() -> None:
    tree = read(page("run", sections("plain")))
    policy = next(meta.attributes["content"] for meta in tree.all("meta") if "http-equiv" in meta.attributes)
    digest = hashlib.sha256(next(tree.all("script")).text.encode()).digest()

    assert "default-src 'none'" in policy
    assert policy.endswith("img-src data:; media-src data: 'self' file:")
    assert f"script-src 'sha256-{base64.b64encode(digest).decode()}'" in policy


def test_each_entry_of_the_contents_leads_to_its_own_section_even_when_titles_repeat() -> None:
    titles = ["Scores", "Scores", "!!!", "注意", ""]
    tree = read(page("run", [Section(title, "<p>body</p>") for title in titles]))
    anchors = [section.attributes["id"] for section in tree.all("section")]

    assert len(set(anchors)) == len(titles)
    assert [link.attributes["href"] for link in next(tree.all("nav")).all("a")] == [f"#{name}" for name in anchors]


def test_a_page_without_sections_and_a_section_without_a_body_say_so() -> None:
    assert "This page has no sections." in read(page("run", [])).text
    assert "There is nothing to show here." in read(page("run", [Section("Scores", "")])).text


def test_a_page_is_written_whole_and_readable_by_others(tmp_path: Path) -> None:
    plain = tmp_path / "plain.txt"
    plain.write_text("", encoding="utf-8")

    write_page(tmp_path / "report.html", "run", sections("안녕"))

    assert (tmp_path / "report.html").read_text(encoding="utf-8") == page("run", sections("안녕"))
    assert (tmp_path / "report.html").stat().st_mode == plain.stat().st_mode


@pytest.mark.parametrize("step", ["write_text", "replace"])
def test_a_failure_leaves_the_old_page_and_nothing_beside_it(
    step: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "report.html"
    write_page(path, "old", [])
    old = path.read_text(encoding="utf-8")

    def full_disk(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path if step == "write_text" else os, step, full_disk)
    with pytest.raises(OSError, match=r"report.html could not be written \(No space left"):
        write_page(path, "new", [])

    assert path.read_text(encoding="utf-8") == old
    assert list(tmp_path.iterdir()) == [path]


def test_half_a_surrogate_pair_is_shown_as_its_escape(tmp_path: Path) -> None:
    write_page(tmp_path / "report.html", "run", sections("broken \ud83d token"))

    assert "broken \\ud83d token" in read((tmp_path / "report.html").read_text(encoding="utf-8")).text


def test_the_page_of_a_usual_run_stays_under_one_and_a_half_megabytes() -> None:
    noise = random.Random(0)
    tokens = [f"token{place}" for place in range(40)]
    weights = [[noise.random() for _ in tokens] for _ in tokens]
    lines = {name: [(step, noise.random()) for step in range(50_000)] for name in ("training", "validation")}
    words = {"source": "word " * 40, "reference": "word " * 40, "prediction": "words " * 40}
    whole = page(
        "run",
        [
            Section("Training", curves(lines, x_label="step", y_label="loss") * 3),
            Section("Attention", attention_map(tokens, tokens, weights) * 12),
            Section("Worst cases", worst_cases([words] * 100, columns=list(words))),
        ],
    )

    assert len(whole.encode()) < 1_500_000


def test_a_page_of_as_much_sound_as_the_docstring_allows_stays_under_three_megabytes() -> None:
    noise = np.random.default_rng(0)
    words = [(f"word{place}", place / 3, place / 3 + 0.3) for place in range(90)]
    figure = recording(
        noise.standard_normal(30 * 16000) * 0.1,  # noise packs worst
        16000,
        words,
        sound=bytes(30 * 32_000 // 8),
        mime="audio/mpeg",
        caption="half a minute",
        reference=" ".join(word for word, *_ in words),
        attention=[(word, noise.dirichlet(np.full(375, 0.05)).tolist()) for word, *_ in words],
    )

    assert len(page("run", [Section("Recordings", figure * 12)]).encode()) < 3_000_000


def test_a_page_of_as_much_video_as_the_docstring_allows_stays_under_three_megabytes() -> None:
    events = [("a label of two or three words", float(place), place + 0.9, 0.987) for place in range(100)]
    curve = [(float(place), place % 2) for place in range(7500)]
    figure = timeline(
        events,
        events,
        seconds=100,
        video=bytes(60 * 40_000 // 8),
        caption="a minute",
        thumbnails=[(b"\xff\xd8\xff" + bytes(4000), 1.0, "walk taken for sit")] * 20,
        probabilities={"walk": curve, "sit": curve, "fall": curve},
    )

    assert len(page("run", [Section("Videos", figure * 4)]).encode()) < 3_000_000
