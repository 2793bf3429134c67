"""Building blocks of both programs: processes, logs, progress, files and text, for any input format."""
