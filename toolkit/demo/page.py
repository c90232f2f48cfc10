"""The page: one box to ask, one button, and the answer in a frame that nothing leaves."""

import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from importlib.resources import files
from typing import Any

import gradio

from toolkit.demo.answers import Upload, heard, watched, written
from toolkit.report import framed
from toolkit.report.markup import text

KEPT_SECONDS = 600
STYLE, SCRIPT = (files("toolkit.demo").joinpath(f"page.{kind}").read_text(encoding="utf-8") for kind in ("css", "js"))


@dataclass(frozen=True)
class Desk:
    """What the page for a task asks for, and what answers.

    Args:
        ask: makes the box for what is asked.
        answer: from a pipeline and what was asked to a text and figures.
        verb: what the button does.
        told: names the text of the answer.
        figure: names the figures.
        takes_files: whether a file is asked for; it is then removed as soon as it is read.
    """

    ask: Callable[[], Any]
    answer: Callable[[Any, Any], tuple[str, str]]
    verb: str
    told: str
    figure: str
    takes_files: bool = False


_sentence = partial(gradio.Textbox, label="Your text", lines=3, placeholder="Type a sentence")
_sound = partial(gradio.Audio, label="Your recording", sources=["upload", "microphone"], type="filepath")
_video = partial(gradio.Video, label="Your video", sources=["upload"], height=280)

WHERE, WORDS, WHAT = "Where the model looked", "The words and their sound", "What happens when"
DESKS = {
    "translation": Desk(_sentence, written, "Translate", "Translation", WHERE),
    "summarization": Desk(_sentence, written, "Summarize", "Summary", WHERE),
    "text2text-generation": Desk(_sentence, written, "Write", "Text", WHERE),
    "dialogue": Desk(_sentence, written, "Answer", "Answer", WHERE),
    "automatic-speech-recognition": Desk(_sound, heard, "Transcribe", "Transcript", WORDS, takes_files=True),
    "video-event-detection": Desk(_video, watched, "Find events", "Found", WHAT, takes_files=True),
    "video-classification": Desk(_video, watched, "Classify", "Labels", WHAT, takes_files=True),
}
"""The tasks that `toolkit.pipeline` serves."""


def page(serve: Any, task: str, *, name: str, examples: Sequence[str] = ()) -> gradio.Blocks:
    """Builds the page.

    Args:
        serve: the pipeline of the task.
        task: one of `DESKS`.
        name: of the run; the title.
        examples: what can be asked by a click, for tasks that take a text.
    """
    desk = DESKS[task]
    with gradio.Blocks(title=name, analytics_enabled=False, delete_cache=(KEPT_SECONDS, KEPT_SECONDS)) as blocks:
        gradio.HTML(f'<header><h1 dir="auto">{text(name)}</h1><p>{text(task)}</p></header>')
        asked = desk.ask()
        button = gradio.Button(desk.verb, variant="primary")
        told = gradio.Textbox(label=desk.told, lines=2, interactive=False, buttons=["copy"])
        figure = gradio.HTML()
        if examples and not desk.takes_files:
            gradio.Examples(list(examples), asked, label="For instance")
        triggers = [button.click] + ([asked.submit] if hasattr(asked, "submit") else [])
        outputs = [told, figure] + ([asked] if desk.takes_files else [])
        gradio.on(triggers, partial(answered, serve, desk), asked, outputs, api_name="answer")
    return blocks


def answered(serve: Any, desk: Desk, asked: str | None) -> tuple[str | None, ...]:
    """Answers what was asked, or says in a sentence why not; an uploaded file is gone in either case."""
    emptied = (None,) if desk.takes_files else ()
    try:
        if asked is None:
            raise ValueError("There is nothing to answer yet. Record or upload a file first.")
        words, body = desk.answer(serve, Upload.taken(asked) if desk.takes_files else asked)
    except (ValueError, OSError) as mistake:
        return "", _complaint(str(mistake)), *emptied
    except Exception:  # ours, not theirs: the log of the server has the rest
        traceback.print_exc()
        return "", _complaint("This could not be answered. The log of the server says why."), *emptied
    return words, framed(desk.figure, body) if body else "", *emptied


def theme() -> gradio.themes.Base:
    """The colours and letters of the report; the letters are those that the reader's system has."""
    letters = [
        "Inter",
        "Segoe UI",
        "Helvetica Neue",
        "Noto Sans",
        "Liberation Sans",
        "Arial",
        "system-ui",
        "sans-serif",
    ]
    accent = gradio.themes.Color(
        *("#e6f0f3", "#cde3ea", "#a6cfdc", "#75b6ca", "#2f93b5", "#0b6380"),
        *("#0b6380", "#0a5670", "#094a60", "#073d50", "#06293a"),
    )
    slate = gradio.themes.Color(
        *("#f3f5f6", "#eaeef0", "#dce1e4", "#c2cacf", "#9aa6ad", "#5a656d"),
        *("#4a555c", "#323c42", "#1b2226", "#12171a", "#0c1012"),
    )
    monospace = ["ui-monospace", "SF Mono", "DejaVu Sans Mono", "Menlo", "Consolas", "monospace"]
    base = gradio.themes.Base(
        primary_hue=accent, secondary_hue=accent, neutral_hue=slate, font=letters, font_mono=monospace
    )
    return base.set(
        body_background_fill_dark="#12171a", body_text_color_subdued="#5a656d", body_text_color_subdued_dark="#9aa6ad"
    )


def _complaint(sentence: str) -> str:
    return f'<p class="complaint" role="alert" dir="auto">{text(sentence)}</p>'


__all__ = ["DESKS", "page", "theme"]
