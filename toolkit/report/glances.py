"""Where each thing that was written came from in time: rows of shades over the axis of a recording or a video."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from toolkit.report.markup import isolated
from toolkit.report.pictures import drawn

Glances = Sequence[tuple[str, Sequence[float]]]
"""What was written, each with its weights from 0 to 1 over steps of equal length from the beginning to the end."""


def glances(rows: Glances, *, whole: str) -> str:
    """Draws where each thing that was written looked or listened, one row for each, the largest weight darkest.

    Args:
        rows: what was written, with its weights. Cut those that fall on padding.
        whole: what the steps cover, for who cannot see them: "recording" or "video".
    """
    if not rows:
        return ""
    names = [name for name, _ in rows]
    lengths = sorted({len(row) for _, row in rows})
    if len(lengths) > 1 or not lengths[0]:
        raise ValueError(
            f"`attention` must have one weight per step for every token, but rows have {lengths} weights. "
            "Cut the padding from every row alike."
        )
    weights = np.stack([finite(row, f"attention[{place}]") for place, (_, row) in enumerate(rows)])
    if weights.min() < -0.001 or weights.max() > 1.001:  # half precision may round a weight to just above one
        raise ValueError(
            f"`attention` must hold weights from 0 to 1, but they are from {weights.min():.3g} to {weights.max():.3g}. "
            "Pass weights after the softmax."
        )
    picture = drawn(np.clip(weights / (weights.max() or 1), 0, 1))
    entries = "".join(f"<li><span>{isolated(name if name.strip() else '␣')}</span></li>" for name in names)
    return (
        f'<div class="glances" style="--rows:{len(names)}"><img src="{picture}" alt="Attention of {len(names)} '
        f'tokens over the time of the {whole}, largest weight {weights.max():.2g}"><ol>{entries}</ol></div>'
    )


def finite(values: npt.ArrayLike, name: str) -> npt.NDArray[np.float64]:
    """Returns numbers as an array after checking that they are numbers."""
    checked = np.asarray(values, dtype=np.float64)
    if not np.isfinite(checked).all():
        raise ValueError(
            f"`{name}` must be finite, but holds NaN or infinity. Look for where it came from, or leave it out."
        )
    return checked
