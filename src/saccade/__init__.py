"""Saccade: a self-hosted server that looks at images."""

__version__ = "0.1.0"
