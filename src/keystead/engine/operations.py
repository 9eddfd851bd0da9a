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
    split,
)

FAMILIES = (create, register, derive, split, rekey, locate, get, attributes, lifecycle, crypto, session, asynchronous, pkcs11, server)
