"""The engine on the compiled kernel."""
