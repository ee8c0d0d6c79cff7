"""The settings, group by group: each with its meaning, its default, the jobs that read it, and what it may be."""
