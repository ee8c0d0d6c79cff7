"""Where a run starts: the scripts' entry, the command line, the doctor, the demo."""
