"""The Server-Timing header: where the request's time went, readable by browsers and load tests."""

from __future__ import annotations

import time

from saccade.api.context import RequestContext


def server_timing(context: RequestContext) -> bytes:
    """Return the header's value: a prediction's stages when there was one, and the whole, in ms."""
    whole_ms = (time.perf_counter() - context.started_s) * 1e3
    timing = context.timing
    if timing is None:
        return b"total;dur=%.2f" % whole_ms
    return (
        f"queue;dur={timing.queue_ms:.2f}, decode;dur={timing.decode_ms:.2f}, "
        f"preprocess;dur={timing.preprocess_ms:.2f}, infer;dur={timing.infer_ms:.2f}, "
        f"postprocess;dur={timing.postprocess_ms:.2f}, total;dur={whole_ms:.2f}"
    ).encode("ascii")
