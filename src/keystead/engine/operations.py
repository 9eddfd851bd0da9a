"""Gathers the families of operations: importing this module enters their handlers."""

from keystead.engine import (
    asynchronous,
    attributes,
    create,
    crypto,
    derive,
    get,
    lifecycle,
    locate,
    pkcs11,
    register,
    rekey,
    server,
    session,
)

FAMILIES = (create, register, derive, rekey, locate, get, attributes, lifecycle, crypto, session, asynchronous, pkcs11, server)
