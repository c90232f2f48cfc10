"""The loudness of a recording over time and pitch, small enough for a page."""

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

COLUMNS, ROWS = 600, 96
WINDOW_SECONDS = 0.025
WINDOWS_PER_COLUMN = 4
HIGHEST_HZ = 8000.0
RANGE_DECIBELS = 70.0


def spectrogram(samples: Floats, sample_rate_hz: int) -> Floats:
    """Returns how loud each pitch is at each time, from 0 (70 dB below the loudest, or less) to 1.

    Pitches are spaced as in the mel scale (O'Shaughnessy, 1987, p. 150), from 0 Hz to 8 kHz or
    to what the sample rate allows. At most four windows are read for each column, so that an hour costs no more
    than a minute.

    Args:
        samples: (N,), finite.
        sample_rate_hz: samples in a second.

    Returns:
        (96, columns), the highest pitch on top; 600 columns unless the recording is shorter than 600 windows.

    >>> tone = np.sin(2 * np.pi * 1000 * np.arange(16000) / 16000)
    >>> rows = spectrogram(tone, 16000).mean(1)
    >>> bool(abs(pitches(16000)[::-1][rows.argmax()] - 1000) < 30)
    True
    """
    window = max(2, round(WINDOW_SECONDS * sample_rate_hz))
    padded = np.pad(samples, (window // 2, window - window // 2))
    columns = min(COLUMNS, max(1, len(samples) * 5 // window))  # windows overlap by four fifths at the most
    starts = np.linspace(0, len(samples), columns * WINDOWS_PER_COLUMN, endpoint=False).astype(np.int64)
    bins = np.fft.rfftfreq(_length(window), 1 / sample_rate_hz)
    bank, taper = _bank(bins, sample_rate_hz), np.hanning(window)
    power = np.empty((columns, ROWS))
    for column, group in enumerate(starts.reshape(columns, WINDOWS_PER_COLUMN)):
        stretch = padded[group[:, None] + np.arange(window)] * taper
        power[column] = (np.abs(np.fft.rfft(stretch, _length(window))) ** 2).mean(0) @ bank
    loudest = power.max()
    if loudest <= 0:
        return np.zeros((ROWS, columns))
    decibels = 10 * np.log10(np.maximum(power / loudest, 1e-30))
    return np.clip(1 + decibels / RANGE_DECIBELS, 0, 1).T[::-1]


def pitches(sample_rate_hz: int) -> Floats:
    """Returns the frequency in the middle of each row, the lowest first."""
    top = 2595 * np.log10(1 + min(HIGHEST_HZ, sample_rate_hz / 2) / 700)
    return 700 * (10 ** (np.linspace(0, top, ROWS + 2)[1:-1] / 2595) - 1)


def _bank(bins: npt.NDArray[np.floating], sample_rate_hz: int) -> npt.NDArray[np.floating]:
    """Weighs each bin of the spectrum for each row: triangles, none narrower than the bins are apart."""
    centres = pitches(sample_rate_hz)
    breadth = np.maximum(np.gradient(centres), bins[1])
    weights = np.maximum(0, 1 - np.abs(bins[:, None] - centres) / breadth)
    return weights / weights.sum(0)


def _length(window: int) -> int:
    """Returns the next power of two, for speed."""
    return 1 << (window - 1).bit_length()
