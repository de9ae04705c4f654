"""Records as tables: JSON Lines, CSV, Parquet, data frames."""
