"""Plain values to figures and one self-contained HTML page.

Every figure is a function from plain values to a string of HTML, with everything that came from outside escaped. A
`Section` gives figures a title, and `write_page` puts the sections into one file that opens without a network: style
and script stand inside it, and its content policy forbids everything else.

>>> scores = score_table([{"name": "BLEU", "value": 31.4, "low": 29.8, "high": 33.0}])
>>> opened = page("English to Korean", [Section("Scores", scores)])
>>> "31.4" in opened and "<!doctype html>" in opened
True
"""

from toolkit.report.attention import attention_map
from toolkit.report.cases import worst_cases
from toolkit.report.charts import curves, intervals_by_group
from toolkit.report.confusion import class_counts, confusion_matrix
from toolkit.report.edits import confusions, edits
from toolkit.report.page import Section, framed, page, write_page
from toolkit.report.recording import recording
from toolkit.report.steps import steps
from toolkit.report.tables import bars, facts, score_table, text_block
from toolkit.report.timeline import timeline

__all__ = [
    "Section",
    "attention_map",
    "bars",
    "class_counts",
    "confusion_matrix",
    "confusions",
    "curves",
    "edits",
    "facts",
    "framed",
    "intervals_by_group",
    "page",
    "recording",
    "score_table",
    "steps",
    "text_block",
    "timeline",
    "worst_cases",
    "write_page",
]
