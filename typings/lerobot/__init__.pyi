"""LeRobot needs a newer Python than the product, and is not installed beside it; this is what the plug-in builds on."""
