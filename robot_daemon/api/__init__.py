"""Serves the robot API over gRPC: servicers unpack a request, call the daemon and pack its response."""
