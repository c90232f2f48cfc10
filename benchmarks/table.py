"""From measurements to a page of markdown: medians with their range, and ratios taken within each round."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from statistics import median

from contenders import Contender, rate

Round = dict[str, dict]
"""One contender's reports of one round, by job."""


@dataclass
class Results:
    """Every contender's rounds; a report that is missing could not be had. `loads` is how busy the machine was."""

    jobs: Sequence[str]
    rounds: dict[Contender, list[Round]]
    loads: list[float] = field(default_factory=list)

    def rates(self, contender: Contender, job: str) -> list[float | None]:
        """One speed per round, none where there is no report."""
        return [rate(reports[job]) if job in reports else None for reports in self.rounds[contender]]

    def ratios(self, ours: Contender, other: Contender, job: str) -> list[float | None]:
        """How many times as fast one was as the other, round by round: what slowed a round slowed both."""
        pairs = zip(self.rates(ours, job), self.rates(other, job), strict=True)
        return [a / b if a and b else None for a, b in pairs]

    def overheads(self, contender: Contender, job: str) -> list[float]:
        """One per round that says which share of its time the model's own steps took: the rest, in per cent of them."""
        shares = [reports[job].get("steps_share") for reports in self.rounds[contender] if job in reports]
        return [100 * (1 / share - 1) for share in shares if share]

    def largest(self, contender: Contender, name: str) -> float | None:
        """The largest number of that name in any report."""
        found = [report[name] for reports in self.rounds[contender] for report in reports.values() if report.get(name)]
        return max(found, default=None)


def spread(numbers: Sequence[float | None], show: Callable[[float], str]) -> str:
    """Median (least–most), or that there is nothing.

    >>> spread([2.0, 1.0, 4.0, None], "{:.1f}".format)
    '2.0 (1.0–4.0)'
    >>> spread([None], str)
    'did not run'
    """
    known = [number for number in numbers if number is not None]
    return f"{show(median(known))} ({show(min(known))}–{show(max(known))})" if known else "did not run"


def digits(number: float) -> str:
    """Three digits, no more.

    >>> [digits(number) for number in (1234.5, 98.7, 7.654)]
    ['1234', '98.7', '7.65']
    """
    return f"{number:.{max(0, 2 - len(str(int(number))) + 1)}f}"


def grid(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A markdown table; numbers stand on the right.

    >>> print(grid(["who", "speed"], [["a", "1"]]))
    | who | speed |
    |---|---:|
    | a | 1 |
    """
    words = [all(not row[column][:1].isdigit() for row in rows) for column in range(len(head))]
    lines = [head, *rows]
    shown = ["| " + " | ".join(line) + " |" for line in lines]
    return "\n".join([shown[0], "|" + "|".join("---" if word else "---:" for word in words) + "|", *shown[1:]])


def speeds(results: Results) -> str:
    """Everybody's speed at every job."""
    rows = []
    for contender in results.rounds:
        size, memory = (results.largest(contender, name) for name in ("params", "peak_mb"))
        about = [
            contender.name,
            contender.model,
            f"{size / 1e6:.1f}" if size else "–",
            f"{memory:.0f}" if memory else "–",
        ]
        rows.append(about + [spread(results.rates(contender, job), digits) for job in results.jobs])
    return grid(["", "attention", "million parameters", "peak MB", *results.jobs], rows)


def overheads(results: Results, mine: Sequence[Contender]) -> str:
    """How much longer writing takes than the model's own steps, in per cent, for those who report it."""
    jobs = [job for job in results.jobs if any(results.overheads(ours, job) for ours in mine)]
    rows = [
        [ours.name, ours.model] + [spread(results.overheads(ours, job), "{:.0f} %".format) for job in jobs]
        for ours in mine
        if any(results.overheads(ours, job) for job in jobs)
    ]
    return grid(["", "attention", *jobs], rows)


def ratios(results: Results, ours: Contender) -> str:
    """How many times as fast we are as everybody else."""
    others = [contender for contender in results.rounds if contender != ours]
    rows = [
        [other.name, other.model] + [spread(results.ratios(ours, other, job), "{:.2f}".format) for job in results.jobs]
        for other in others
    ]
    return grid(["as fast as", "attention", *results.jobs], rows)


def fastest(results: Results, ours: Contender, others: Sequence[Contender]) -> str:
    """For each job the fastest of the others, and of those with the same model, and how many times as fast we are."""
    groups = {
        "fastest other toolkit": others,
        "fastest with the same model": [other for other in others if other.model == ours.model],
    }
    groups = {head: group for head, group in groups.items() if group}
    rows = []
    for job in results.jobs:
        row = [job]
        for group in groups.values():
            first = max(group, key=lambda other: median([x for x in results.rates(other, job) if x] or [0.0]))
            row += [spread(results.ratios(ours, first, job), "{:.2f}".format), f"{first.name} ({first.model})"]
        rows.append(row)
    return grid(["", *(part for head in groups for part in ("times as fast as", head))], rows)
