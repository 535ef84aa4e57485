"""The strategies of the golden cases, written literally from their rules: one file a case."""
