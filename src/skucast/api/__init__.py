"""The library: what the jobs do, frames in and frames out, for whoever works in Python."""
