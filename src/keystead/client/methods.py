"""The verbs as methods of both clients."""

from __future__ import annotations

from keystead.client import verbs
from keystead.client.verb import Verb


class Verbs:
    """What clients do most; what each verb returns, `Client` returns and `AsyncClient` awaits."""

    create = Verb(verbs.create)
    create_key_pair = Verb(verbs.create_key_pair)
    register = Verb(verbs.register)
    register_symmetric = Verb(verbs.register_symmetric)
    register_secret = Verb(verbs.register_secret)
    register_certificate = Verb(verbs.register_certificate)
    re_key = Verb(verbs.re_key)
    get = Verb(verbs.get)
    locate = Verb(verbs.locate)
    get_attributes = Verb(verbs.get_attributes)
    get_attribute_list = Verb(verbs.get_attribute_list)
    add_attribute = Verb(verbs.add_attribute)
    modify_attribute = Verb(verbs.modify_attribute)
    set_attribute = Verb(verbs.set_attribute)
    delete_attribute = Verb(verbs.delete_attribute)
    activate = Verb(verbs.activate)
    revoke = Verb(verbs.revoke)
    destroy = Verb(verbs.destroy)
    archive = Verb(verbs.archive)
    recover = Verb(verbs.recover)
    encrypt = Verb(verbs.encrypt)
    decrypt = Verb(verbs.decrypt)
    sign = Verb(verbs.sign)
    verify = Verb(verbs.verify)
    mac = Verb(verbs.mac)
    mac_verify = Verb(verbs.mac_verify)
    random = Verb(verbs.random)
    query = Verb(verbs.query)
    discover_versions = Verb(verbs.discover_versions)
    ping = Verb(verbs.ping)
    poll = Verb(verbs.poll)
