"""Records what an arm and its controller say to each other, a thousand times a second, to be looked at and replayed."""
