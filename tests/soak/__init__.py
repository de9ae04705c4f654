"""The proof that nothing is paid twice and nothing is lost: real processes, real kills. See `__main__`."""
