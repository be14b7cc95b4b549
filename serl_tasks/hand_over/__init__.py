"""HIL-SERL's hand-over: one arm picks an object up, the other takes it in the air."""
