"""From a run folder to a page on this machine."""

import json
import os
import signal
import tempfile
from importlib.util import find_spec
from itertools import islice
from pathlib import Path

from huggingface_hub import ModelCard
from transformers import AutoConfig

from toolkit.adapters import audio, video
from toolkit.models import PIPELINES
from toolkit.pipeline import pipeline
from toolkit.run_folder import PREDICTIONS

TASKS = tuple(PIPELINES) + tuple(task for task in (*audio.BUILDERS, *video.BUILDERS) if task not in PIPELINES)
MOST_UPLOADED = "50mb"
EXAMPLES, EXAMPLE_LETTERS = 4, 100


def launch(
    run: str | Path, *, task: str | None = None, name: str | None = None, port: int | None = None, share: bool = False
) -> None:
    """Serves the page of a run until it is interrupted.

    It is reached from this machine alone, unless `GRADIO_SERVER_NAME` names another address or it is shared; nothing
    is sent anywhere. Uploads of at most 50 MB are taken into memory and removed from the disk before they are answered.

    Args:
        run: a run folder or Hub id.
        task: what the page is for; none: what the run was trained for.
        name: the title; none: that of the folder.
        port: where; none: the first free one from 7860.
        share: whether Gradio makes an address that the whole world can reach for a week.
    """
    if find_spec("gradio") is None:
        raise ModuleNotFoundError(
            "`toolkit.demo` needs Gradio, which is not installed. In the clone, run: pip install -e '.[demo]'"
        )
    task = task or task_of(run)
    serve = pipeline(task, str(run))
    with tempfile.TemporaryDirectory(prefix="demo-") as uploads:
        # Gradio reads these when it is imported and when a page is built.
        os.environ |= {"GRADIO_ANALYTICS_ENABLED": "False", "GRADIO_TEMP_DIR": uploads}
        from toolkit.demo.page import SCRIPT, STYLE, page, theme

        blocks = page(serve, task, name=name or Path(run).resolve().name, examples=examples_of(run))
        _, local, shared = blocks.launch(
            server_name=os.environ.get("GRADIO_SERVER_NAME", "127.0.0.1"),
            server_port=port,
            share=share,
            max_file_size=MOST_UPLOADED,
            theme=theme(),
            css=STYLE,
            head=f"<script>{SCRIPT}</script>",
            footer_links=[],
            ssr_mode=False,
            quiet=True,
            prevent_thread_lock=True,
        )
        signal.signal(signal.SIGTERM, signal.default_int_handler)  # containers stop by it, and no upload may stay
        print(f"Open {shared or local} in a browser. Ctrl+C stops the page.", flush=True)
        blocks.block_thread()


def task_of(run: str | Path) -> str:
    """What a run was trained for, as its card or, if that is silent, its configuration says.

    Raises:
        ValueError: neither knows.
    """
    folder = Path(run)
    card = folder / "README.md"
    has_card = card.is_file() or not folder.is_dir()  # what is no folder is an id on the Hub, whose card is there
    data = ModelCard.load(card if card.is_file() else str(run)).data.to_dict() if has_card else {}
    named = [*(data.get("tags") or ()), data.get("pipeline_tag")]
    served = getattr(AutoConfig.from_pretrained(str(run)), "custom_pipelines", None) or {}
    known = [task for task in [*named, *(served if len(served) == 1 else ())] if task in TASKS]
    if not known:
        raise ValueError(
            f"`task` must be given, since the card of {run} names none that has a page. Pass one of {', '.join(TASKS)}."
        )
    return known[0]


def examples_of(run: str | Path) -> list[str]:
    """A few short sources from the predictions of a run, where it has any."""
    path = Path(run) / PREDICTIONS
    if not path.is_file():
        return []
    with path.open(encoding="utf-8") as lines:
        sources = [json.loads(line)["source"] for line in islice(lines, 100)]
    return [source for source in sources if len(source) <= EXAMPLE_LETTERS][:EXAMPLES]


__all__ = ["TASKS", "examples_of", "launch", "task_of"]
