"""`host-processor batch`: one query about a time range of existing logs."""
