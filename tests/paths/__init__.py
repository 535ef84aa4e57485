"""Path sensitivity."""
