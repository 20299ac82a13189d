"""Room 5, announce: the chosen entries go back to BIRD."""
