"""Pictures inside the page: grids of numbers drawn as PNG, and pictures and sounds that came as bytes."""

import base64
import struct
import zlib

import numpy as np
import numpy.typing as npt

INK = bytes((6, 41, 58))
"""The colour of the highest value. The lowest is transparent, and the page turns the ink light on dark paper."""

SHADES = 32
"""Few enough that noise packs well, more than can be told apart in a spectrogram."""

_SIGNATURES = {b"\x89PNG\r\n\x1a\n": "image/png", b"\xff\xd8\xff": "image/jpeg"}


def data_uri(content: bytes, mime: str) -> str:
    """Writes bytes as an address that holds them, a third longer than they are.

    >>> data_uri(b"abc", "audio/wav")
    'data:audio/wav;base64,YWJj'
    """
    return f"data:{mime};base64,{base64.b64encode(content).decode()}"


def drawn(values: npt.NDArray[np.floating]) -> str:
    """Draws values from 0 to 1 as shades of one ink and returns the address of the picture.

    Written by hand because it is this short: one byte for each pixel, which names a shade of the palette (PNG, third
    edition, sections 11.2 and 11.3).

    Args:
        values: (Y, X), the first row on top.
    """
    height, width = values.shape
    shades = np.rint(values * (SHADES - 1)).astype(np.uint8)
    rows = np.pad(shades, ((0, 0), (1, 0)))  # each row begins with a zero: no filter
    opacities = bytes(round(255 * shade / (SHADES - 1)) for shade in range(SHADES))
    chunks = (
        (b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 3, 0, 0, 0)),
        (b"PLTE", INK * SHADES),
        (b"tRNS", opacities),
        (b"IDAT", zlib.compress(rows.tobytes(), 9)),
        (b"IEND", b""),
    )
    return data_uri(b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(*chunk) for chunk in chunks), "image/png")


def photograph(content: bytes) -> str:
    """Returns the address of a PNG or JPEG picture that came as bytes."""
    for signature, mime in _SIGNATURES.items():
        if content.startswith(signature):
            return data_uri(content, mime)
    raise ValueError(
        f"`thumbnails` must hold PNG or JPEG pictures, but one begins with {content[:8]!r}. "
        "Encode it as one of the two."
    )


def _chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))
