"""Room 7, show: the status page, the API and the metrics endpoint."""
