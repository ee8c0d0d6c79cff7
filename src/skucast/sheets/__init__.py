"""Tables that people make: the bytes of a CSV or Excel file become lines of text cells."""
