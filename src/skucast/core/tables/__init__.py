"""The contract of every table: it creates tables, validates frames and makes the reference."""
