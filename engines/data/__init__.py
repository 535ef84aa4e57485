"""The command ``kwin-data``: fetch, check, import, resample, compare and describe market data."""
