"""The warehouse in one DuckDB file: the embedded default, for a laptop."""
