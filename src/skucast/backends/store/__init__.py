"""Where model files live: one protocol, a folder or a bucket."""
