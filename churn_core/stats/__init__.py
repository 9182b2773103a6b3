"""Numbers in, estimates out: no database, no files."""
