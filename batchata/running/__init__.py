"""How a run is carried out: the steps, the loop over them, and the hands that work without Prefect."""
