"""Waiting for threads, within bounds."""

import time


def eventually(is_true, timeout_s=5.0):
    """Wait until something is true."""
    deadline = time.monotonic() + timeout_s
    while not is_true():
        assert time.monotonic() < deadline
        time.sleep(0.005)
