"""Settings become opened parts, and the parts become one platform. The only place where they are put together."""

from saccade.wiring.kept import Kept
from saccade.wiring.platform import Platform, Reports, open_platform

__all__ = ["Kept", "Platform", "Reports", "open_platform"]
