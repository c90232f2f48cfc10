"""A page to try a run in: `python -m toolkit.demo RUN_FOLDER`.

Type a sentence and see where the model looked; record or upload speech and hear each word; upload a video and jump to
what happens in it. The page is Gradio's (extra `demo`); what it answers is drawn by `toolkit.report`.
"""

from toolkit.demo.serving import launch
from toolkit.demo.space import push_space, write_space

__all__ = ["launch", "push_space", "write_space"]
