"""The Prefect side: what a flow of ours needs from a Prefect server."""
