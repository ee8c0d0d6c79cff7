"""Where sales are read and results are written: one protocol, two warehouses."""
