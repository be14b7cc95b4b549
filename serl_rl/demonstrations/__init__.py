"""Records, reviews, labels and reads demonstrations."""
