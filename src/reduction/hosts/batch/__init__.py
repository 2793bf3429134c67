"""`host-processor batch`: one question about a time range of existing logs."""
