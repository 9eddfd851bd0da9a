"""Gathers the methods of the administration: importing this module enters them."""

from keystead.engine import admin
from keystead.engine.administration import METHODS

MODULES = (admin,)

__all__ = ["METHODS", "MODULES"]
