"""The Host processor: who connected to whom, from connection logs.

`__main__` is the program, `batch.command` and `streaming.command` are its commands, `cli` is what they share.
Other modules take plain values and do not know the command line.
"""
