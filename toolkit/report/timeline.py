"""One video: what happened and what was said to happen, above each other on one axis of time, under a player."""

from collections.abc import Mapping, Sequence

from toolkit.report.charts import COLOURS
from toolkit.report.clock import Clock, Event, button, in_order, moment, player
from toolkit.report.glances import Glances, glances
from toolkit.report.markup import empty, folded, isolated, number, said, table, text
from toolkit.report.pictures import photograph
from toolkit.report.scales import Scale, thinned

Tracks = Sequence[Event] | Mapping[str, Sequence[Event]]
Thumbnail = tuple[bytes, float, str]

PIXELS_PER_EVENT, WIDEST = 24, 8000
INSTANT_PIXELS, OVERLAP_PIXELS = 10, 3
POINTS_DRAWN = 400


def timeline(
    truth: Sequence[Event] | None,
    predicted: Tracks,
    *,
    seconds: float,
    video: bytes | str | None,
    mime: str = "video/mp4",
    caption: str,
    thumbnails: Sequence[Thumbnail] = (),
    probabilities: Mapping[str, Sequence[tuple[float, float]]] | None = None,
    attention: Glances = (),
) -> str:
    """Draws events over the time of a video, the truth above what was predicted; a click leads the video there.

    An event is (label, start, end) or (label, start, end, score) in seconds; one that ends when it starts is an
    instant. Leave the background out. A label has the same colour in every track; labels are told apart by six
    colours in three textures, and by their names.

    An event takes about half a kilobyte, the video a third more than its bytes. So that a page stays under 3 MB,
    encode a small copy for the page (160 by 120 at 40 kbit/s: 400 kB for a minute), four minutes of video in all, or
    leave the video beside the page and pass its name; draw a thousand events at the most; and give thumbnails as JPEG
    of the same size (4 kB each), twenty to a figure.

    Args:
        truth: the events that were labelled; None when nobody labelled them.
        predicted: the events of one model; or of several, by their names.
        seconds: the length of the video.
        video: its bytes, or the name of its file relative to the page, or None to do without a player.
        mime: what kind of file the bytes are.
        caption: plain text above the figure.
        thumbnails: (PNG or JPEG bytes, second, what is to be seen), for instance of the worst mistakes.
        probabilities: for each label, (second, probability from 0 to 1) in the order of time.
        attention: for each event that a model wrote, in the order of writing, its name and its weights from 0 to 1 over
            steps of equal length from the first frame to the last.
    """
    several = predicted if isinstance(predicted, Mapping) else {"predicted": predicted}
    given = {**({} if truth is None else {"truth": truth}), **several}
    tracks = {name: in_order(events, name) for name, events in given.items()}
    count = max(map(len, tracks.values()))
    curves = probabilities or {}
    clock = Clock(seconds, min(max(640, PIXELS_PER_EVENT * count), WIDEST))
    labels = dict.fromkeys([label for events in tracks.values() for label, *_ in events] + list(curves))
    styles = {label: f"series-{place % COLOURS} style-{place // COLOURS % 3}" for place, label in enumerate(labels)}
    rows = "".join(_track(name, events, clock, styles) for name, events in tracks.items())
    return (
        f'<figure class="timeline">{said("figcaption", caption, kind="caption")}'
        f"{player('video', video, mime) if video else ''}{_legend(styles)}"
        f"{clock.laid_out(rows + _probabilities(curves, clock, styles) + _attention(attention))}"
        f"{_listed(tracks) if count else ''}{_thumbnails(thumbnails)}</figure>"
    )


def _track(name: str, events: Sequence[Event], clock: Clock, styles: Mapping[str, str]) -> str:
    pixel = clock.seconds / clock.width
    lanes = clock.lanes(
        (start, start + INSTANT_PIXELS * pixel if start == end else max(start, end - OVERLAP_PIXELS * pixel))
        for _, start, end, *_ in events
    )
    buttons = "".join(
        button(
            event,
            "" if event[1] == event[2] else isolated(event[0]),
            kind=f"{'instant' if event[1] == event[2] else 'segment'} {styles[event[0]]}",
            style=f"left:{clock.share(event[1])}%;width:{clock.share(event[2] - event[1])}%;--lane:{lane}",
            is_first=not place,
        )
        for place, (event, lane) in enumerate(zip(events, lanes, strict=True))
    )
    return (
        f'<p class="track-name"><bdi>{text(name)}</bdi></p><div class="track" role="toolbar" aria-label="{text(name)}" '
        f'style="--lanes:{max(lanes, default=0) + 1}">{buttons or empty("No events.")}</div>'
    )


def _probabilities(curves: Mapping[str, Sequence[tuple[float, float]]], clock: Clock, styles: Mapping[str, str]) -> str:
    """Draws the probability of each label as a line, 1 on top, stretched to the width of the axis."""
    if not curves:
        return ""
    height = Scale(0, 1, 99, 1, ())
    lines = ""
    for label, points in curves.items():
        for second, value in points:
            if not (0 <= value <= 1.001 and second >= 0):
                raise ValueError(
                    f"`probabilities` must be from 0 to 1 at seconds from 0, but `{label}` has {value} at {second}. "
                    "Pass them after the softmax."
                )
        corners = "L".join(f"{clock.share(x) * 10:.1f},{height(y)}" for x, y in thinned(points, most=POINTS_DRAWN))
        lines += f'<path class="{styles[label]}" d="M{corners}"/>' if points else ""
    return (
        '<p class="track-name">probability</p><svg class="probabilities" viewBox="0 0 1000 100" '
        f'preserveAspectRatio="none" role="img" aria-label="Probability of {text(", ".join(curves))} over time">'
        f'<path class="grid" d="M0,1H1000M0,50H1000M0,99H1000"/>{lines}</svg>'
    )


def _attention(attention: Glances) -> str:
    return f'<p class="track-name">attention</p>{glances(attention, whole="video")}' if attention else ""


def _thumbnails(thumbnails: Sequence[Thumbnail]) -> str:
    shown = ""
    for picture, second, words in thumbnails:
        seen = f'<img src="{photograph(picture)}" alt=""><span>{isolated(words)}</span>'
        shown += f"<li>{button((words, second, second), seen, kind='thumbnail', style='', is_first=True)}</li>"
    return f'<ol class="thumbnails">{shown}</ol>' if shown else ""


def _legend(styles: Mapping[str, str]) -> str:
    entries = "".join(f'<li class="{style}"><i></i>{isolated(label)}</li>' for label, style in styles.items())
    return f'<ul class="legend">{entries}</ul>' if entries else ""


def _listed(tracks: Mapping[str, Sequence[Event]]) -> str:
    rows = [
        (name, label, moment(start), moment(end), number(score[0]) if score else "")
        for name, events in tracks.items()
        for label, start, end, *score in events
    ]
    hint = '<p class="reading"><output>Point at an event to read its times.</output></p>'
    return hint + folded("Events", table("Events", ["track", "label", "start", "end", "score"], rows))
