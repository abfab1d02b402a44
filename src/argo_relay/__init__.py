"""A proxy for large language models whose timeouts hold."""

__version__ = "0.1.0"
