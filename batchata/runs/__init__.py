"""Runs that are described by a file beside their ledger, so that any process can begin them and go on with them."""
