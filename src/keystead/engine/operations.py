"""Gathers the families of operations: importing this module enters their handlers."""

from keystead.engine import asynchronous, attributes, create, crypto, get, lifecycle, locate, rekey, server, session

FAMILIES = (create, rekey, locate, get, attributes, lifecycle, crypto, session, asynchronous, server)
