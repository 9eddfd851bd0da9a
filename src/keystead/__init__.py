"""Keystead: an enterprise secure key manager that speaks KMIP."""

__version__ = "0.1.0"
