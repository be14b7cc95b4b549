"""SERL's peg insertion: a held peg into a socket."""
