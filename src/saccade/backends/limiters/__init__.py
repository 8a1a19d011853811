"""Limiters: memory of this process, and Redis. The algorithms are those of ``limits``; see ``access.counting``."""
