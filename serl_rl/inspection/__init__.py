"""Looks at what runs, spools and episode files hold without changing them, and mends them where it is asked to."""
