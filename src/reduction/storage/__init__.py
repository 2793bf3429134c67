"""Input and output that is no folder of this machine: objects behind an address such as `s3://bucket/prefix`.

Nothing here is imported by a run on folders but `addresses`, and no client library before a client is made.
"""
