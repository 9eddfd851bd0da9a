"""How the names of the specification become the CamelCase names of XML and JSON."""

from __future__ import annotations

import re


def camel_case(name: str) -> str:
    """Normalise a name of the specification: "PKCS#1" gives "PKCS_1", "3DES" gives "DES3".

    Source: Additional Message Encodings 1.0 section 6.1.3, rules 7 to 12.
    """
    name = re.sub(r"[()]", " ", name)
    name = re.sub(r"\W([A-Za-z][a-z])", r" \1", name)
    words = [re.sub(r"\W", "_", word) for word in name.split()]
    words[0] = re.sub(r"^(\d+)(.*)", r"\2\1", words[0])
    return "".join(word[:1].upper() + word[1:] for word in words)
