"""Gathers the families of operations: importing this module enters their handlers."""

from keystead.engine import (
    asynchronous,
    attributes,
    create,
    crypto,
    defaults,
    derive,
    get,
    lifecycle,
    locate,
    people,
    pkcs11,
    register,
    rekey,
    server,
    session,
    split,
    tickets,
)

FAMILIES = (create, register, derive, split, rekey, locate, get, attributes, lifecycle, crypto, session, tickets, people, defaults, asynchronous, pkcs11, server)
