"""The file that describes a cell, as frozen dataclasses, and the builder of the devices that it names."""
