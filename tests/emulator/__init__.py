"""The broker's rules one by one: bars, orders, expected fills."""
