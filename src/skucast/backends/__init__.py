"""Everything outside the process: warehouses, stores of models, files, services over HTTP."""
