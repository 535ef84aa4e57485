"""Live trading: the runner that owns two ledgers, the venues it talks to, and the journal it answers to."""
