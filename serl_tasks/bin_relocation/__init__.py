"""SERL's bin relocation: items of several shapes are carried from one bin to the other, and back."""
