"""Gathers the methods of the administration: importing this module enters them."""

from keystead.engine import admin, keeping
from keystead.engine.administration import METHODS

MODULES = (admin, keeping)

__all__ = ["METHODS", "MODULES"]
