"""What both programs share: processes, logs, progress, files; it knows neither CSV nor connection logs."""
