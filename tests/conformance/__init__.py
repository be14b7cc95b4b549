"""The contract of the API; a package, so that each daemon is started once for all its files."""
