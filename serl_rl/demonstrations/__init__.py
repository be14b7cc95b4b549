"""Learning from what was demonstrated alone: behaviour cloning, and the frames that show a goal."""
