"""The HTTP edge: the only place that knows FastAPI and status codes."""
