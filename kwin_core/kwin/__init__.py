"""KWIN, the Swing-Failure-Pattern strategy: inputs, presets, profiles and the calculation of one bar."""
