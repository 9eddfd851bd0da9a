"""Gathers the families of operations: importing this module enters their handlers."""

from keystead.engine import (
    asynchronous,
    attributes,
    certify,
    create,
    crypto,
    defaults,
    derive,
    get,
    kem,
    lifecycle,
    locate,
    people,
    pkcs11,
    provision,
    register,
    rekey,
    server,
    session,
    split,
    tickets,
)

FAMILIES = (
    create, register, derive, split, certify, kem, rekey, locate, get, attributes, lifecycle, crypto, session,
    tickets, people, defaults, asynchronous, pkcs11, provision, server,
)  # fmt: skip
