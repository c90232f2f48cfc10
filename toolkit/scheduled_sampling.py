"""How often the decoder reads the right word while it learns, by how much of the training is over."""

import numpy as np


def forcing_ratio(schedule: str, final: float, progress: float) -> float:
    """The probability that the decoder reads the right word (Bengio et al., 2015, section 2.4).

    Args:
        schedule: "constant" is `final` throughout; "linear" and "inverse_sigmoid" fall from 1.
        final: the probability at the end.
        progress: share of the training that is over, 0 to 1.

    >>> [forcing_ratio("linear", 0.5, p) for p in (0, 0.5, 1)]
    [1.0, 0.75, 0.5]
    >>> [round(forcing_ratio("inverse_sigmoid", 0.0, p), 3) for p in (0, 0.25, 0.5, 0.75, 1)]
    [1.0, 0.955, 0.5, 0.045, 0.0]
    """
    if schedule == "constant":
        return final
    if schedule == "inverse_sigmoid":  # a logistic curve over -6 … 6, stretched to begin at 0 and to end at 1
        low, here, high = 1 / (1 + np.exp(-12 * (np.array([0, progress, 1]) - 0.5)))
        progress = (here - low) / (high - low)
    return float(1 - (1 - final) * progress)


__all__ = ["forcing_ratio"]
