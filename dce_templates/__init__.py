"""Data and clauses in, consultation documents out: a leaf that knows neither the database nor the web."""
