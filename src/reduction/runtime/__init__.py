"""Building blocks of both programs: processes, logs, progress, files, text; independent of any input
format.
"""
