"""Transcripts without times: a text beside each recording, or one list of them per folder, as LibriSpeech has it."""

from collections.abc import Iterator

from toolkit.data.faults import Fault
from toolkit.data.labels import Labels, Span
from toolkit.data.lines import LONGEST_LINE, read_lines

LIST_ENDING = ".trans.txt"


class Transcript(Labels):
    """A text file that holds what is said in the whole recording beside it; its lines are joined by a space."""

    def spans(self) -> Iterator[Span | Fault]:
        """One span, or the faults that keep it out."""
        texts: list[str] = []
        size = 0
        for number, text, fault in read_lines(self.path):
            if fault is not None:
                yield fault
                return
            texts.append(text.strip())
            size += len(text) + 1
            if size > LONGEST_LINE:
                sentence = f"the text up to here is longer than {LONGEST_LINE:,} characters. Split the recording."
                yield Fault(self.path, number, sentence)
                return
        yield Span(1, "", "", " ".join(filter(None, texts)), self.own_name)


class TranscriptList(Labels):
    """Lines of the name of a recording, a space and its text: `84-121123-0000 GO DO YOU HEAR`."""

    def spans(self) -> Iterator[Span | Fault]:
        """One span per line."""
        for number, text, fault in read_lines(self.path):
            if fault is not None:
                yield fault
            if fault is not None or not text.strip():
                continue
            name, *words = text.split(maxsplit=1)
            yield Span(number, "", "", "".join(words).strip(), self._beside(name))

    def _beside(self, name: str) -> str:
        head, slash, _ = self.own_name.rpartition("/")
        return f"{head}{slash}{name}"
