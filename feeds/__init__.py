"""Where bars come from: one Feed protocol, one gate that every bar passes."""

from feeds.protocol import Feed, Instrument

__all__ = ["Feed", "Instrument"]
