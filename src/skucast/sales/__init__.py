"""What was sold: files and weekly sums become one clean history, and its naive continuations."""
