"""What drives the core: backtest, parity, command lines."""
