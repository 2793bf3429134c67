"""The Reducer as a program: the only layer that reads the environment and the command line."""
