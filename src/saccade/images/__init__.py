"""Images: bytes of unknown origin become an upright RGB array, or are refused with a stable code."""
