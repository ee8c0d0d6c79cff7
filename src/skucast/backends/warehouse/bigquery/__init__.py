"""The warehouse on BigQuery: read with pandas-gbq, staged by load jobs, published in one transaction."""
