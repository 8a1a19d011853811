"""What a picture may cost before it is refused: bytes, pixels, scans."""

from __future__ import annotations

from dataclasses import dataclass

from saccade.errors import SettingInvalid

# Above this Pillow refuses on its own (twice its MAX_IMAGE_PIXELS), so that a higher limit would promise too much.
DECODER_MAX_PIXELS = 178_956_970


@dataclass(frozen=True, slots=True)
class Limits:
    """The limits that every source of pictures shares.

    Attributes:
        max_bytes: Largest file, as it was sent.
        max_pixels: Largest width times height that a header may announce.
        max_scans: Most scans of one JPEG; each costs a pass over the whole picture for as little as 34 bytes.

    Raises:
        SettingInvalid: A limit is not positive, or is beyond what the decoders take.
    """

    max_bytes: int = 50 * 1024 * 1024
    max_pixels: int = 50_000_000
    max_scans: int = 100

    def __post_init__(self) -> None:
        if min(self.max_bytes, self.max_pixels, self.max_scans) < 1:
            raise SettingInvalid("The limits of a picture are positive numbers.")
        if self.max_pixels > DECODER_MAX_PIXELS:
            raise SettingInvalid(
                f"SACCADE_IMAGE_MAX_PIXELS: the decoders stop at {DECODER_MAX_PIXELS}; a higher limit cannot be kept."
            )
