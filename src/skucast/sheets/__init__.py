"""Tables that people make: the bytes of a CSV, Excel or Parquet file become cells; what they mean is not known here."""
