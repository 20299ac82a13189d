"""Room 1, receive: sFlow datagrams become bytes per destination."""
