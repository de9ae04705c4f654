"""A self-contained HTML page on which a reviewer checks results beside the pages they were taken from."""
