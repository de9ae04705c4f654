"""What a team runs, thrown away afterwards: PostgreSQL, a Prefect server on it, workers, the simulator, a browser."""
