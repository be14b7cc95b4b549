"""Holds the product's own drivers, one module or folder a maker, each an entry point of `serl.arms` and its like."""
