"""Gathers the methods of the administration: importing this module enters them."""

from keystead.engine import admin, census, granting, keeping
from keystead.engine.administration import METHODS

MODULES = (admin, census, granting, keeping)

__all__ = ["METHODS", "MODULES"]
