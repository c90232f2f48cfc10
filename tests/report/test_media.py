"""Where sound and videos of a page go: inside it while it is small, beside it when it is not, or as somebody asks."""

import re
from pathlib import Path

import pytest

from tests.report.document import read, tone, wav
from toolkit.report import Section, page, recording, text_block, write_page
from toolkit.report.clock import OPENING
from toolkit.report.media import MOST_BYTES

SOUNDS = [wav(tone(hertz=hertz)) for hertz in (440, 550, 440)]


def sections(*sounds: bytes) -> list[Section]:
    given = {"mime": "audio/wav", "caption": "caption"}
    return [Section("Sound", recording(tone(), 8000, [("one", 0.1, 0.5)], sound=sound, **given)) for sound in sounds]


def sources(path: Path) -> list[str]:
    return [audio.attributes["src"] for audio in read(path.read_text(encoding="utf-8")).all("audio")]


def test_media_beside_a_page_are_the_bytes_that_were_given_and_equal_ones_are_kept_once(tmp_path: Path) -> None:
    write_page(tmp_path / "report.html", "run", sections(*SOUNDS), media="beside")

    names = sources(tmp_path / "report.html")
    assert [(tmp_path / name).read_bytes() for name in names] == SOUNDS
    assert names[0] == names[2] and all(re.fullmatch(r"report_media/[0-9a-f]{16}\.wav", name) for name in names)
    assert len(list((tmp_path / "report_media").iterdir())) == 2


def test_a_page_keeps_its_media_while_it_is_small_and_as_long_as_it_is_asked_to(tmp_path: Path) -> None:
    small, large = sections(SOUNDS[0]), sections(*[bytes(400_000)] * 8)
    path = tmp_path / "report.html"

    write_page(path, "run", small)
    assert path.read_text(encoding="utf-8") == page("run", small)
    write_page(path, "run", large)
    assert path.stat().st_size < MOST_BYTES and len(list((tmp_path / "report_media").iterdir())) == 1
    write_page(path, "run", large, media="embed")
    assert path.stat().st_size > MOST_BYTES and not (tmp_path / "report_media").exists()


def test_what_only_an_earlier_page_showed_goes_and_what_is_not_ours_stays(tmp_path: Path) -> None:
    path = tmp_path / "report.html"
    write_page(path, "run", sections(SOUNDS[0]), media="beside")
    (tmp_path / "report_media" / "mine.txt").write_text("kept")
    write_page(path, "run", sections(SOUNDS[1]), media="beside")

    assert sorted(f"report_media/{file.name}" for file in (tmp_path / "report_media").iterdir()) == sorted(
        [*sources(path), "report_media/mine.txt"]
    )


@pytest.mark.parametrize(
    "label", [f'{OPENING["audio"]}data:audio/wav;base64,AAAA"', 'src="data:audio/wav;base64,AAAA"']
)
def test_a_text_that_looks_like_a_player_is_none(label: str, tmp_path: Path) -> None:
    write_page(tmp_path / "report.html", label, [Section("Text", text_block(label))], media="beside")

    assert label in read((tmp_path / "report.html").read_text(encoding="utf-8")).text
    assert not (tmp_path / "report_media").exists()
