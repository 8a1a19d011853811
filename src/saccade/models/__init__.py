"""Models: packages on disk, how a picture becomes tensors, how tensors become predictions, and who is loaded."""

from pathlib import Path


def embedded_folder() -> Path:
    """Return the folder of the packages that come with Saccade."""
    return Path(__file__).parent / "embedded"
