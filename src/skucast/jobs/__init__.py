"""The stories of the four scripts: read, compute, write, report. Jobs know protocols, never a backend."""
