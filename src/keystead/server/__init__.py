"""Sockets and processes: bytes to the engine and back."""
