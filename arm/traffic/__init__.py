"""Room 3, measure: how much traffic each prefix carries."""
