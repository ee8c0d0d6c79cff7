"""The texts that people read, in the languages there are: one catalogue for page, files and tables."""
