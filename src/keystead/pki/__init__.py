"""Certificates: what kinds there are, who issues them, how they lie on disk."""
