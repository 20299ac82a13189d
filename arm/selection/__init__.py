"""Room 4, choose: the entries that serve most traffic in the space there is."""
