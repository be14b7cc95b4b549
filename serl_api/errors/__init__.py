"""Defines the errors of the APIs: exceptions, their gRPC statuses and their reasons on the wire."""
