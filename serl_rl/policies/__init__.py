"""Makes and loads policies for inference."""
