"""Research: many parameter sets over the same bars, windows that walk forward, and how far to believe the best."""
