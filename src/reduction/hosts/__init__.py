"""The Host processor: who connected to whom, out of connection logs; run as `python -m reduction.hosts`.

`__main__` is the program, `arguments` what its commands share, `batch_command` and `streaming_command` are
the commands. What is below them takes plain values and knows no command line.
"""
