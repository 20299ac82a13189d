"""Room 2, learn: the full BGP table as BIRD reflects it."""
