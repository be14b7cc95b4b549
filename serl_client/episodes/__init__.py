"""Records, reads and edits episode files."""
