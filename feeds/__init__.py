"""Where bars come from: one Feed protocol, one gate that every bar passes."""
