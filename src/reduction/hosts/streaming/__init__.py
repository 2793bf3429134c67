"""`host-processor streaming`: a report per time window, from logs that keep arriving."""
