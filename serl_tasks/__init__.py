"""The product's own tasks: a plug-in like any other, which neither the client's nor the daemon's side knows."""
