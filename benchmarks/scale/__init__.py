"""How a run goes that is larger than this machine: parts of it measured here, the rest simulated."""
