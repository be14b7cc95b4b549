"""Action chunking with transformers."""
