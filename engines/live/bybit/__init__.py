"""Bybit as a venue: requests out through pybit, reports in, start-up checks."""
