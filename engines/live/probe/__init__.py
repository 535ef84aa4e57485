"""The probe: a tiny trade on a demo account that shows how the exchange really behaves, fact by fact."""
