"""Comparison with TradingView: its printed numbers, its list of trades, and what explains a difference."""
