"""Pictures as a report holds them: small, and of no use to anybody but a browser."""

from __future__ import annotations

import base64
import io
from typing import Any, NamedTuple

from batchata.errors import InputError

_MOST_PIXELS = 1600
_QUALITY = 62


class Picture(NamedTuple):
    """A picture as a `data:` URL; width and height are pixels."""

    url: str
    width: int
    height: int


def encoded(image: Any) -> Picture:
    """A Pillow image as WebP."""
    buffer = io.BytesIO()
    flat = image if image.mode == "L" else image.convert("RGB")
    flat.save(buffer, "WEBP", quality=_QUALITY, method=2)  # method 4 takes twice as long for 4 % less
    return Picture(f"data:image/webp;base64,{base64.b64encode(buffer.getvalue()).decode()}", *flat.size)


def picture_of(data: bytes) -> Picture:
    """An image file, made smaller where it is large. Raises InputError for what is none."""
    from PIL import Image, UnidentifiedImageError

    try:
        with Image.open(io.BytesIO(data)) as image:
            image.thumbnail((_MOST_PIXELS, _MOST_PIXELS))
            return encoded(image)
    except (UnidentifiedImageError, OSError, ValueError, Image.DecompressionBombError) as error:
        raise InputError(f"the image cannot be shown: {error}") from error
