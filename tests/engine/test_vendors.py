"""What products send, with the versions and the quirks that they are known for.

No product is here: each conversation is written by hand from what is publicly known of it, and asks for what that
product relies on.  Real clients run elsewhere (.ci/run).
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_der_private_key,
    load_der_public_key,
)

from keystead.engine.admin import Administration
from keystead.kmip import ttlv
from keystead.kmip.enums import (
    BlockCipherMode,
    CryptographicAlgorithm,
    DigitalSignatureAlgorithm,
    HashingAlgorithm,
    KeyFormatType,
    ObjectType,
    Operation,
    PaddingMethod,
    QueryFunction,
    RecommendedCurve,
    ResultReason,
    RevocationReasonCode,
    SecretDataType,
    State,
)
from keystead.kmip.tags import Tag
from keystead.kmip.ttlv import Item
from keystead.kmip.version import V1_0, V1_1, V1_2, V1_3, V1_4, V2_1, Version
from tests.engine.by_hand import Answer, Talker, attribute, below, date, item, name, named, password, template, uid
from tests.engine.world import START, World

AES, RSA, EC = CryptographicAlgorithm.AES, CryptographicAlgorithm.RSA, CryptographicAlgorithm.ECDSA
ENCRYPTS = 0x0C
"""Encrypt and Decrypt, as a Cryptographic Usage Mask."""
NOTHING = 0
POLICY = "Operation Policy Name"


def aes(bits: int = 256, mask: int = ENCRYPTS, *more: Item) -> Item:
    return template(
        attribute("Cryptographic Algorithm", AES),
        attribute("Cryptographic Length", bits),
        usage(mask),
        *more,
    )


def symmetric() -> Item:
    return item(Tag.OBJECT_TYPE, ObjectType.SYMMETRIC_KEY)


def secret(value: bytes, kind: SecretDataType = SecretDataType.PASSWORD) -> Item:
    block = item(
        Tag.KEY_BLOCK,
        item(Tag.KEY_FORMAT_TYPE, KeyFormatType.OPAQUE),
        item(Tag.KEY_VALUE, item(Tag.KEY_MATERIAL, value)),
    )
    return item(Tag.SECRET_DATA, item(Tag.SECRET_DATA_TYPE, kind), block)


def raw_key(value: bytes) -> Item:
    block = item(
        Tag.KEY_BLOCK,
        item(Tag.KEY_FORMAT_TYPE, KeyFormatType.RAW),
        item(Tag.KEY_VALUE, item(Tag.KEY_MATERIAL, value)),
        item(Tag.CRYPTOGRAPHIC_ALGORITHM, AES),
        item(Tag.CRYPTOGRAPHIC_LENGTH, len(value) * 8),
    )
    return item(Tag.SYMMETRIC_KEY, block)


def usage(mask: int) -> Item:
    return attribute("Cryptographic Usage Mask", mask)


def group(text: str) -> Item:
    return attribute("Object Group", text)


def wanted(*names: str) -> tuple[Item, ...]:
    return tuple(item(Tag.ATTRIBUTE_NAME, one) for one in names)


def revocation(code: RevocationReasonCode = RevocationReasonCode.CESSATION_OF_OPERATION, said: str = "") -> Item:
    return item(
        Tag.REVOCATION_REASON,
        item(Tag.REVOCATION_REASON_CODE, code),
        *([item(Tag.REVOCATION_MESSAGE, said)] if said else []),
    )


def end_of_life(client: Talker, identifier: str) -> None:
    """Revoke and destroy, as nearly all of them do."""
    client.do(Operation.REVOKE, uid(identifier), revocation())
    client.do(Operation.DESTROY, uid(identifier))
    gone = client.ask(Operation.GET, uid(identifier))
    assert not gone.ok


def located(client: Talker, *attributes: Item) -> list[str]:
    found: list[str] = client.do(Operation.LOCATE, *attributes).all(Tag.UNIQUE_IDENTIFIER)
    return found


def test_vsphere_1_1(world: World) -> None:
    """It asks for versions to see whether the server lives, labels its key after making it, and reads it back."""
    vcenter = Talker(world, V1_1)
    versions = vcenter.do(Operation.DISCOVER_VERSIONS)
    assert 1 in versions.all(Tag.PROTOCOL_VERSION_MINOR)
    queried = vcenter.do(
        Operation.QUERY,
        item(Tag.QUERY_FUNCTION, QueryFunction.QUERY_OPERATIONS),
        item(Tag.QUERY_FUNCTION, QueryFunction.QUERY_OBJECTS),
        item(Tag.QUERY_FUNCTION, QueryFunction.QUERY_SERVER_INFORMATION),
    )
    needed = {Operation.CREATE, Operation.ADD_ATTRIBUTE, Operation.GET_ATTRIBUTES, Operation.ACTIVATE, Operation.GET}
    assert needed <= set(queried.all(Tag.OPERATION))
    assert queried.get(Tag.VENDOR_IDENTIFICATION)
    made = vcenter.do(Operation.CREATE, symmetric(), aes())
    labels = {
        "x-Vendor": "VMware, Inc.",
        "x-Product": "VMware vSphere",
        "x-Product_Version": "8.0.2 build-22617221",
        "x-Component": "Virtual Machine",
        "x-Identifier": "5021c6a7-5d31-1e9b-9d7c-3f0f3d2f52c5",
        "x-Name": "test-vm 01 (ä)",
    }
    for label, said in labels.items():
        added = vcenter.do(Operation.ADD_ATTRIBUTE, uid(made.uid), attribute(label, said))
        assert added.attributes == {label: said}
    facts = ("State", "Cryptographic Algorithm", "Cryptographic Length", "Cryptographic Usage Mask")
    known = vcenter.do(Operation.GET_ATTRIBUTES, uid(made.uid), *wanted(*facts)).attributes
    assert known == dict(zip(facts, (State.PRE_ACTIVE, AES, 256, ENCRYPTS), strict=True))
    vcenter.do(Operation.ACTIVATE, uid(made.uid))
    assert vcenter.do(Operation.GET_ATTRIBUTES, uid(made.uid), *wanted("State")).attributes == {"State": State.ACTIVE}
    got = vcenter.do(Operation.GET, uid(made.uid))
    assert len(got.get(Tag.KEY_MATERIAL)) == 32
    assert got.get(Tag.CRYPTOGRAPHIC_LENGTH) == 256
    assert vcenter.do(Operation.GET_ATTRIBUTES, uid(made.uid), *wanted(*labels)).attributes == labels
    assert located(vcenter, attribute("x-Identifier", labels["x-Identifier"])) == [made.uid]
    assert located(vcenter, attribute("x-Identifier", "another")) == []


def test_synology_dsm_1_2(world: World) -> None:
    """It names a policy that nobody has any more, and gives its object another name."""
    dsm = Talker(world, V1_2)
    for function in (
        QueryFunction.QUERY_OPERATIONS,
        QueryFunction.QUERY_OBJECTS,
        QueryFunction.QUERY_SERVER_INFORMATION,
    ):
        dsm.do(Operation.QUERY, item(Tag.QUERY_FUNCTION, function))
    assert located(dsm, named("volume1")) == []
    registered = dsm.do(
        Operation.REGISTER,
        item(Tag.OBJECT_TYPE, ObjectType.SECRET_DATA),
        template(
            usage(ENCRYPTS),
            attribute("Operation Policy Name", "default"),
            named("temporary"),
        ),
        secret(b"correct horse battery staple"),
    )
    changed = dsm.do(Operation.MODIFY_ATTRIBUTE, uid(registered.uid), named("volume1", index=0))
    assert changed.uid == registered.uid
    assert changed.get(Tag.NAME_VALUE) == "volume1"  # the answer repeats it
    dsm.do(Operation.ACTIVATE, uid(registered.uid))
    names = dsm.do(Operation.GET_ATTRIBUTE_LIST, uid(registered.uid)).all(Tag.ATTRIBUTE_NAME)
    assert {"Name", "State", "Object Type", "Operation Policy Name", "Unique Identifier"} <= set(names)
    known = dsm.do(Operation.GET_ATTRIBUTES, uid(registered.uid)).attributes
    assert known["Operation Policy Name"] == "default"
    assert known["State"] == State.ACTIVE
    assert located(dsm, named("volume1")) == [registered.uid]
    assert located(dsm, named("temporary")) == []
    got = dsm.do(Operation.GET, uid(registered.uid))
    assert got.get(Tag.KEY_MATERIAL) == b"correct horse battery staple"
    end_of_life(dsm, registered.uid)
    assert located(dsm, named("volume1"), attribute("State", State.ACTIVE)) == []


def test_veeam_1_4(world: World) -> None:
    """It keeps RSA keys here, fetches both halves, and does not read attributes within a Key Value."""
    veeam = Talker(world, V1_4)
    assert located(veeam, named("veeam-probe")) == []
    common = template(
        attribute("Cryptographic Algorithm", RSA),
        attribute("Cryptographic Length", 2048),
        tag=Tag.COMMON_TEMPLATE_ATTRIBUTE,
    )
    private = template(
        named("veeam-private"),
        usage(0x08 | 0x01),
        tag=Tag.PRIVATE_KEY_TEMPLATE_ATTRIBUTE,
    )
    public = template(named("veeam-public"), usage(0x04 | 0x02), tag=Tag.PUBLIC_KEY_TEMPLATE_ATTRIBUTE)
    made = veeam.do(Operation.CREATE_KEY_PAIR, common, private, public)
    halves = made.get(Tag.PRIVATE_KEY_UNIQUE_IDENTIFIER), made.get(Tag.PUBLIC_KEY_UNIQUE_IDENTIFIER)
    for half in halves:
        veeam.do(Operation.ACTIVATE, uid(half))
    answers = [veeam.do(Operation.GET, uid(half)) for half in halves]
    for answer in answers:
        (value,) = (one for one in below(answer.item) if one.tag == Tag.KEY_VALUE)
        assert [one.tag for one in value.value] == [Tag.KEY_MATERIAL]
    key: Any = load_der_private_key(_pkcs8(veeam, halves[0]), None)
    other: Any = load_der_public_key(_x509(veeam, halves[1]))
    assert key.public_key() == other
    assert isinstance(key, rsa.RSAPrivateKey)
    for half in halves:
        veeam.do(Operation.REVOKE, uid(half), revocation())
        veeam.do(Operation.DESTROY, uid(half))


def _pkcs8(client: Talker, identifier: str) -> bytes:
    found = client.do(Operation.GET, uid(identifier), item(Tag.KEY_FORMAT_TYPE, KeyFormatType.PKCS_8))
    return bytes(found.get(Tag.KEY_MATERIAL))


def _x509(client: Talker, identifier: str) -> bytes:
    found = client.do(Operation.GET, uid(identifier), item(Tag.KEY_FORMAT_TYPE, KeyFormatType.X_509))
    return bytes(found.get(Tag.KEY_MATERIAL))


def test_vast_data_1_4(world: World) -> None:
    """It adds what it did not say at first, and re-keys: the name moves, the old key stays in use."""
    vast = Talker(world, V1_4)
    offered = item(Tag.PROTOCOL_VERSION, item(Tag.PROTOCOL_VERSION_MAJOR, 1), item(Tag.PROTOCOL_VERSION_MINOR, 4))
    assert vast.do(Operation.DISCOVER_VERSIONS, offered).all(Tag.PROTOCOL_VERSION_MINOR) == [4]
    made = vast.do(Operation.CREATE, symmetric(), aes())
    for more in (
        named("vast-master"),
        group("vast-cluster-1"),
        attribute("Operation Policy Name", "default"),
    ):
        vast.do(Operation.ADD_ATTRIBUTE, uid(made.uid), more)
    vast.do(Operation.ACTIVATE, uid(made.uid))
    assert located(vast, named("vast-master"), group("vast-cluster-1")) == [made.uid]
    old = vast.do(Operation.GET, uid(made.uid)).get(Tag.KEY_MATERIAL)
    for _ in range(2):  # about every minute
        (identifier,) = located(vast, named("vast-master"))
        assert vast.do(Operation.GET_ATTRIBUTES, uid(identifier), *wanted("State")).attributes["State"] == State.ACTIVE
    renewed = vast.do(Operation.RE_KEY, uid(made.uid))
    assert renewed.uid != made.uid
    assert located(vast, named("vast-master")) == [renewed.uid]
    assert vast.do(Operation.GET, uid(renewed.uid)).get(Tag.KEY_MATERIAL) != old
    assert vast.do(Operation.GET, uid(made.uid)).get(Tag.KEY_MATERIAL) == old
    assert vast.do(Operation.GET_ATTRIBUTES, uid(made.uid), *wanted("State")).attributes["State"] == State.ACTIVE
    end_of_life(vast, made.uid)


def test_fortios_1_0(world: World) -> None:
    """It shows a credential in the header, and looks for two keys by name in one message.

    Both searches have to be exact: once a server gave it the same key for two names (Cosmian/kms issue 824).
    """
    Administration(world.engine).add_user("fortigate", "s3cret-s3cret")
    fortigate = Talker(world, V1_0, header=(password("fortigate", "s3cret-s3cret"),))
    names = ("FGT_ENC_01", "FGT_AUTH_01")
    for style in (lambda text: template(named(text)), named):  # in a Template-Attribute it looked for them at first
        answers = fortigate.batch(*((Operation.LOCATE, (style(text),)) for text in names))
        assert [answer.ok for answer in answers] == [True, True]
        assert [answer.all(Tag.UNIQUE_IDENTIFIER) for answer in answers] == [[], []]
    keys = {}
    for number, text in enumerate(names):
        made = fortigate.do(
            Operation.REGISTER,
            symmetric(),
            template(usage(ENCRYPTS), named(text)),
            raw_key(bytes([number]) * 32),
        )
        fortigate.do(Operation.ACTIVATE, uid(made.uid))
        keys[text] = made.uid
    for style in (lambda text: template(named(text)), named):
        answers = fortigate.batch(*((Operation.LOCATE, (style(text),)) for text in names))
        assert [answer.all(Tag.UNIQUE_IDENTIFIER) for answer in answers] == [[keys[text]] for text in names]
    for number, text in enumerate(names):
        assert fortigate.do(Operation.GET, uid(keys[text])).get(Tag.KEY_MATERIAL) == bytes([number]) * 32
    for prefix in ("FGT_ENC_0", "FGT_ENC_%", "fgt_enc_01", "FGT_ENC_01 "):
        assert located(fortigate, named(prefix)) == []
    end_of_life(fortigate, keys[names[0]])
    wrong = Talker(world, V1_0, header=(password("fortigate", "guessed"),))
    assert not wrong.ask(Operation.LOCATE, named(names[1])).ok


def test_ontap_1_0(world: World) -> None:
    """One message asks who the server is, finds a key by its labels, fetches it, and asks for the rest of it.

    What is found in the message is what the following items mean when they name no object.
    """
    ontap = Talker(world, V1_0)
    made = ontap.do(
        Operation.CREATE,
        symmetric(),
        aes(256, ENCRYPTS, attribute("x-NETAPP-KeyId", "00000000000000000200000000000100"),
            attribute("x-NETAPP-ClusterUUID", "7b9a1a0e-9d3b-11ee-a0ff-00a098d5a7c6")),
    )  # fmt: skip
    answers = ontap.batch(
        (Operation.QUERY, (item(Tag.QUERY_FUNCTION, QueryFunction.QUERY_SERVER_INFORMATION),)),
        (Operation.LOCATE, (attribute("x-NETAPP-KeyId", "00000000000000000200000000000100"),)),
        (Operation.GET, ()),
        (Operation.GET_ATTRIBUTES, wanted("x-NETAPP-ClusterUUID", "State")),
    )
    assert [answer.ok for answer in answers] == [True] * 4
    assert [answer.uid for answer in answers[1:]] == [made.uid] * 3
    assert answers[3].attributes["State"] == State.PRE_ACTIVE
    nothing = ontap.batch((Operation.LOCATE, (attribute("x-NETAPP-KeyId", "another"),)), (Operation.GET, ()))
    assert nothing[0].ok
    assert not nothing[1].ok  # nothing was found, so there is nothing that Get could mean


@pytest.mark.parametrize("version", [V1_0, V1_1, V1_2])
def test_tape_library(world: World, version: Version) -> None:
    """A key for each cartridge: its bar code is in the name, its serial number in Application Specific Information."""
    library = Talker(world, version)
    library.do(
        Operation.REGISTER,
        item(Tag.OBJECT_TYPE, ObjectType.TEMPLATE),
        template(named("tape-template")),
        item(Tag.TEMPLATE, attribute("Cryptographic Algorithm", AES), attribute("Cryptographic Length", 256),
             usage(ENCRYPTS)),
    )  # fmt: skip
    keys = {}
    for volume in ("ABC123L8", "ABC124L8"):
        label = f"N7566B3CCLAB035D8A1_{volume}_20261124093011"
        tape = attribute(
            "Application Specific Information",
            item(Tag.APPLICATION_NAMESPACE, "LIBRARY-LTO"),
            item(Tag.APPLICATION_DATA, f"HPE     MSL2024  {volume}"),
        )
        by_template = item(Tag.NAME, *name("tape-template"))
        made = library.do(Operation.CREATE, symmetric(), template(by_template, named(label), tape))
        keys[volume] = made.uid
        assert located(library, named(label)) == [made.uid]
        assert located(library, tape) == [made.uid]
        got = library.do(Operation.GET, uid(made.uid))
        assert len(got.get(Tag.KEY_MATERIAL)) == 32
        known = library.do(Operation.GET_ATTRIBUTES, uid(made.uid), *wanted("Application Specific Information"))
        assert known.get(Tag.APPLICATION_NAMESPACE) == "LIBRARY-LTO"
    assert located(library, attribute("Object Type", ObjectType.SYMMETRIC_KEY)) == [keys["ABC124L8"], keys["ABC123L8"]]
    library.do(Operation.DESTROY, uid(keys["ABC123L8"]))  # rewriting a tape shreds what was on it


def test_hitachi_vsp_makes_keys_in_bulk(world: World) -> None:
    vsp = Talker(world, V1_2)
    made = vsp.batch(*((Operation.CREATE, (symmetric(), aes(256, ENCRYPTS, group("VSP-401234")))) for _ in range(32)))
    assert len({answer.uid for answer in made}) == 32
    found = located(vsp, group("VSP-401234"))
    assert found == [answer.uid for answer in reversed(made)]
    got = vsp.batch(*((Operation.GET, (uid(one),)) for one in found))
    assert len({answer.get(Tag.KEY_MATERIAL) for answer in got}) == 32
    ended = vsp.batch(*((Operation.DESTROY, (uid(one),)) for one in found))
    assert all(answer.ok for answer in ended)


def test_idrac_1_4(world: World) -> None:
    """Dell's controllers show a credential beside the certificate, and find their key by its name."""
    Administration(world.engine).add_user("idrac", "calvin-calvin")
    idrac = Talker(world, V1_4, header=(password("idrac", "calvin-calvin"),))
    idrac.do(Operation.DISCOVER_VERSIONS)
    made = idrac.do(Operation.CREATE, symmetric(), aes(256, ENCRYPTS, named("iDRAC-7FZ2TP3"),
                    attribute("x-ServiceTag", "7FZ2TP3")))  # fmt: skip
    idrac.do(Operation.ACTIVATE, uid(made.uid))
    assert located(idrac, named("iDRAC-7FZ2TP3"), attribute("State", State.ACTIVE)) == [made.uid]
    renewed = idrac.do(Operation.RE_KEY, uid(made.uid))
    assert located(idrac, named("iDRAC-7FZ2TP3")) == [renewed.uid]
    assert not Talker(world, V1_4).ask(Operation.GET, uid(renewed.uid)).ok  # without the credential it is another


def test_ibm_storage_1_2(world: World) -> None:
    """IBM's arrays ask by device group and by attributes that they made up, of several types."""
    array, wwnn = Talker(world, V1_2), bytes.fromhex("500507630aff")
    made = array.do(
        Operation.CREATE,
        symmetric(),
        aes(256, ENCRYPTS, group("DS8K_GROUP"), attribute("Contact Information", "2107-75ABC12"),
            attribute("x-serial", 7512), attribute("x-sealed", True), attribute("x-wwnn", wwnn)),
    )  # fmt: skip
    array.do(Operation.ACTIVATE, uid(made.uid))
    for asked in (
        attribute("x-serial", 7512),
        attribute("x-sealed", True),
        attribute("x-wwnn", wwnn),
        attribute("Contact Information", "2107-75ABC12"),
    ):
        assert located(array, asked) == [made.uid]
    for other in (attribute("x-serial", 7513), attribute("x-sealed", False), attribute("x-serial", "7512")):
        assert located(array, other) == []
    known = array.do(Operation.GET_ATTRIBUTES, uid(made.uid)).attributes
    assert (known["x-serial"], known["x-sealed"], known["x-wwnn"]) == (7512, True, wwnn)


def test_percona_server_for_mysql_1_0(world: World) -> None:
    """Keys of one group, found again at the start of the server: all of them, however many."""
    mysql = Talker(world, V1_0)
    of_mysql = group("mysql-01")
    made = []
    for number in range(3):
        registered = mysql.do(
            Operation.REGISTER,
            symmetric(),
            template(usage(ENCRYPTS), named(f"INNODBKey-{number}"), of_mysql),
            raw_key(bytes([number + 1]) * 32),
        )
        mysql.do(Operation.ACTIVATE, uid(registered.uid))
        made.append(registered.uid)
    found = located(mysql, item(Tag.MAXIMUM_ITEMS, 65_535), of_mysql)
    assert sorted(found) == sorted(made)
    for identifier in found:
        got = mysql.do(Operation.GET, uid(identifier))
        assert got.get(Tag.KEY_FORMAT_TYPE) == KeyFormatType.RAW
        known = mysql.do(Operation.GET_ATTRIBUTES, uid(identifier), *wanted("Name", "State"))
        assert known.get(Tag.NAME_VALUE).startswith("INNODBKey-")
        names = {one.get(Tag.ATTRIBUTE_NAME) for one in [known]}
        assert names <= {"Name", "State"}
        assert "Fresh" not in known.attributes  # an attribute that 1.0 does not have broke it (Cosmian/kms issue 687)
    everything = mysql.do(Operation.GET_ATTRIBUTES, uid(made[0])).attributes
    assert {"Fresh", "Sensitive", "Extractable", "Digital Signature Algorithm"}.isdisjoint(everything)


def test_a_database_finds_as_many_keys_as_it_asks_for(world: World) -> None:
    count = 1_100
    old, new = Talker(world, V1_1), Talker(world, V1_4)
    made = []
    for _ in range(count // 100):
        answers = old.batch(*((Operation.CREATE, (symmetric(), aes(128, ENCRYPTS, group("many")))) for _ in range(100)))
        made += [answer.uid for answer in answers]
    many = group("many")
    assert sorted(located(old, item(Tag.MAXIMUM_ITEMS, 65_535), many)) == sorted(made)
    assert sorted(located(old, many)) == sorted(made)  # it has no way to ask for the rest
    answer = new.do(Operation.LOCATE, many)
    assert answer.get(Tag.LOCATED_ITEMS) == count
    first = answer.all(Tag.UNIQUE_IDENTIFIER)
    rest = located(new, item(Tag.OFFSET_ITEMS, len(first)), many)
    assert sorted(first + rest) == sorted(made)


def test_percona_server_for_mongodb_polls_the_state_and_stops_without_its_key(world: World) -> None:
    mongod = Talker(world, V1_0)
    made = mongod.do(Operation.CREATE, symmetric(), aes(256, ENCRYPTS))
    mongod.do(Operation.ACTIVATE, uid(made.uid))
    assert len(mongod.do(Operation.GET, uid(made.uid)).get(Tag.KEY_MATERIAL)) == 32
    assert mongod.do(Operation.GET_ATTRIBUTES, uid(made.uid), *wanted("State")).attributes["State"] == State.ACTIVE
    mongod.do(Operation.REVOKE, uid(made.uid), revocation())
    assert mongod.do(Operation.GET_ATTRIBUTES, uid(made.uid), *wanted("State")).attributes["State"] == State.DEACTIVATED


def test_mysql_keyring_component_1_1(world: World) -> None:
    mysql, policy = Talker(world, V1_1), attribute("Operation Policy Name", "default")
    made = mysql.do(
        Operation.CREATE,
        symmetric(),
        aes(256, ENCRYPTS, named("keyring-key"), policy),
    )
    mysql.do(Operation.ACTIVATE, uid(made.uid))
    assert len(mysql.do(Operation.GET, uid(made.uid)).get(Tag.KEY_MATERIAL)) == 32


def test_pg_tde_1_4_registers_and_finds_by_name(world: World) -> None:
    postgres = Talker(world, V1_4)
    registered = postgres.do(
        Operation.REGISTER,
        symmetric(),
        template(named("pg_tde-principal-1"), usage(ENCRYPTS)),
        raw_key(bytes(range(16))),
    )
    assert located(postgres, item(Tag.MAXIMUM_ITEMS, 16), named("pg_tde-principal-1")) == [registered.uid]
    got = postgres.do(Operation.GET, uid(registered.uid))
    assert got.get(Tag.KEY_MATERIAL) == bytes(range(16))
    again = postgres.ask(
        Operation.REGISTER,
        symmetric(),
        template(named("pg_tde-principal-1"), usage(ENCRYPTS)),
        raw_key(bytes(16)),
    )
    assert not again.ok  # a name is one object's


def test_edb_2_1_encrypts_here(world: World) -> None:
    edb = Talker(world, V2_1)
    attributes = item(
        Tag.ATTRIBUTES,
        item(Tag.CRYPTOGRAPHIC_ALGORITHM, AES),
        item(Tag.CRYPTOGRAPHIC_LENGTH, 256),
        item(Tag.CRYPTOGRAPHIC_USAGE_MASK, ENCRYPTS),
        item(Tag.NAME, *name("edb-tde")),
    )
    made = edb.do(Operation.CREATE, symmetric(), attributes)
    edb.do(Operation.ACTIVATE, uid(made.uid))
    parameters = item(
        Tag.CRYPTOGRAPHIC_PARAMETERS,
        item(Tag.BLOCK_CIPHER_MODE, BlockCipherMode.CBC),
        item(Tag.PADDING_METHOD, PaddingMethod.PKCS5),
    )
    iv = bytes(range(16))
    sealed = edb.do(
        Operation.ENCRYPT, uid(made.uid), parameters, item(Tag.DATA, b"data key"), item(Tag.IV_COUNTER_NONCE, iv)
    )
    opened = edb.do(
        Operation.DECRYPT,
        uid(made.uid),
        parameters,
        item(Tag.DATA, sealed.get(Tag.DATA)),
        item(Tag.IV_COUNTER_NONCE, iv),
    )
    assert opened.get(Tag.DATA) == b"data key"


def test_truenas_moves_its_keys_from_server_to_server(world: World) -> None:
    """PyKMIP: secret data, found again by its identifier; revoked and destroyed when the server changes."""
    truenas = Talker(world, V1_2)
    registered = truenas.do(
        Operation.REGISTER,
        item(Tag.OBJECT_TYPE, ObjectType.SECRET_DATA),
        template(usage(ENCRYPTS), named("pool/dataset")),
        secret(b"k" * 64),
    )
    truenas.do(Operation.ACTIVATE, uid(registered.uid))
    assert truenas.do(Operation.GET, uid(registered.uid)).get(Tag.KEY_MATERIAL) == b"k" * 64
    truenas.do(Operation.REVOKE, uid(registered.uid), revocation(RevocationReasonCode.CESSATION_OF_OPERATION, "moved"))
    truenas.do(Operation.DESTROY, uid(registered.uid))


@pytest.mark.parametrize("algorithm", [RSA, EC])
def test_krill_signs_here(world: World, algorithm: CryptographicAlgorithm) -> None:
    """NLnet Labs' signers make a pair, rename its halves, fetch the public one, and sign in batches.

    They have a credential in the header of 1.2, and no certificate.
    """
    Administration(world.engine).add_user("krill", "pin-pin-pin")
    world.callers["nobody"] = replace(world.callers["alice"], identity="", name="", address="192.0.2.1")
    krill = Talker(world, V1_2, "nobody", header=(password("krill", "pin-pin-pin"),))
    size = [attribute("Cryptographic Length", 2048)] if algorithm is RSA else []
    curve = (
        []
        if algorithm is RSA
        else [
            attribute("Cryptographic Domain Parameters", item(Tag.RECOMMENDED_CURVE, RecommendedCurve.P_256)),
        ]
    )
    made = krill.do(
        Operation.CREATE_KEY_PAIR,
        template(attribute("Cryptographic Algorithm", algorithm), *size, *curve, tag=Tag.COMMON_TEMPLATE_ATTRIBUTE),
        template(named("tmp-private"), usage(0x01), tag=Tag.PRIVATE_KEY_TEMPLATE_ATTRIBUTE),
        template(named("tmp-public"), usage(0x02), tag=Tag.PUBLIC_KEY_TEMPLATE_ATTRIBUTE),
    )
    private, public = made.get(Tag.PRIVATE_KEY_UNIQUE_IDENTIFIER), made.get(Tag.PUBLIC_KEY_UNIQUE_IDENTIFIER)
    krill.do(Operation.MODIFY_ATTRIBUTE, uid(private), named(f"{public}_priv"))
    krill.do(Operation.MODIFY_ATTRIBUTE, uid(public), named(f"{public}_pub"))
    krill.do(Operation.ACTIVATE, uid(private))
    key: Any = load_der_public_key(_x509(krill, public))
    parameters = item(
        Tag.CRYPTOGRAPHIC_PARAMETERS,
        *([item(Tag.PADDING_METHOD, PaddingMethod.PKCS1_V1_5)] if algorithm is RSA else []),
        item(Tag.HASHING_ALGORITHM, HashingAlgorithm.SHA_256),
        *(
            []
            if algorithm is RSA
            else [item(Tag.DIGITAL_SIGNATURE_ALGORITHM, DigitalSignatureAlgorithm.ECDSA_WITH_SHA256)]
        ),
    )
    signed = krill.batch(
        *((Operation.SIGN, (uid(private), parameters, item(Tag.DATA, b"record %d" % number))) for number in range(5))
    )
    for number, answer in enumerate(signed):
        assert answer.ok, answer.get(Tag.RESULT_MESSAGE)
        signature, data = answer.get(Tag.SIGNATURE_DATA), b"record %d" % number
        if algorithm is RSA:
            key.verify(signature, data, padding.PKCS1v15(), SHA256())
        else:
            key.verify(signature, data, ec.ECDSA(SHA256()))
    for half in (private, public):
        krill.ask(Operation.REVOKE, uid(half), revocation())
        krill.do(Operation.DESTROY, uid(half))


def test_nutanix_and_self_encrypting_drives_1_0(world: World) -> None:
    """The PIN of a drive is secret data, known by the drive's serial number in attributes of the vendor's own."""
    node = Talker(world, V1_0)
    registered = node.do(
        Operation.REGISTER,
        item(Tag.OBJECT_TYPE, ObjectType.SECRET_DATA),
        template(
            usage(NOTHING),
            named("SED-S3Z8NX0M500123"),
            attribute("x-DriveSerial", "S3Z8NX0M500123"),
        ),
        secret(b"a" * 32),
    )
    assert located(node, attribute("x-DriveSerial", "S3Z8NX0M500123")) == [registered.uid]
    added = node.do(Operation.ADD_ATTRIBUTE, uid(registered.uid), attribute("x-Node", "10.0.0.7"))
    assert added.uid == registered.uid
    changed = node.do(Operation.MODIFY_ATTRIBUTE, uid(registered.uid), attribute("x-Node", "10.0.0.8"))
    assert changed.attributes == {"x-Node": "10.0.0.8"}
    node.do(Operation.DELETE_ATTRIBUTE, uid(registered.uid), item(Tag.ATTRIBUTE_NAME, "x-Node"))
    assert node.do(Operation.GET, uid(registered.uid)).get(Tag.KEY_MATERIAL) == b"a" * 32
    node.do(Operation.DESTROY, uid(registered.uid))


def test_ceph_csi_1_4_seals_with_gcm(world: World) -> None:
    csi = Talker(world, V1_4)
    made = csi.do(Operation.CREATE, symmetric(), aes(256, ENCRYPTS))
    csi.do(Operation.ACTIVATE, uid(made.uid))
    parameters = item(
        Tag.CRYPTOGRAPHIC_PARAMETERS,
        item(Tag.BLOCK_CIPHER_MODE, BlockCipherMode.GCM),
        item(Tag.CRYPTOGRAPHIC_ALGORITHM, AES),
        item(Tag.RANDOM_IV, True),
        item(Tag.TAG_LENGTH, 16),
    )
    sealed = csi.do(Operation.ENCRYPT, uid(made.uid), parameters, item(Tag.DATA, b"passphrase"))
    opened = csi.do(
        Operation.DECRYPT,
        uid(made.uid),
        parameters,
        item(Tag.DATA, sealed.get(Tag.DATA)),
        item(Tag.IV_COUNTER_NONCE, sealed.get(Tag.IV_COUNTER_NONCE)),
        item(Tag.AUTHENTICATED_ENCRYPTION_TAG, sealed.get(Tag.AUTHENTICATED_ENCRYPTION_TAG)),
    )
    assert opened.get(Tag.DATA) == b"passphrase"


@pytest.mark.parametrize("version", [V1_2, V1_3])
def test_kmip_go_seals_with_gcm_before_there_was_a_field_for_the_tag(world: World, version: Version) -> None:
    client = Talker(world, version)
    made = client.do(Operation.CREATE, symmetric(), aes(256, ENCRYPTS))
    client.do(Operation.ACTIVATE, uid(made.uid))
    gcm = item(
        Tag.CRYPTOGRAPHIC_PARAMETERS,
        item(Tag.BLOCK_CIPHER_MODE, BlockCipherMode.GCM),
        item(Tag.CRYPTOGRAPHIC_ALGORITHM, AES),
    )
    iv = item(Tag.IV_COUNTER_NONCE, bytes(range(12)))
    sealed = client.do(Operation.ENCRYPT, uid(made.uid), gcm, item(Tag.DATA, b"Hello World!"), iv).get(Tag.DATA)
    assert len(sealed) == 12 + 16
    opened = client.do(Operation.DECRYPT, uid(made.uid), gcm, item(Tag.DATA, sealed), iv)
    assert opened.get(Tag.DATA) == b"Hello World!"
    changed = client.ask(Operation.DECRYPT, uid(made.uid), gcm, item(Tag.DATA, sealed[:-1] + b"x"), iv)
    assert not changed.ok


def test_a_client_that_states_the_time_and_how_much_it_can_take(world: World) -> None:
    """libkmip's header has a Maximum Response Size and a Time Stamp; kmip-go's, in 1.4, a Client Correlation Value."""
    made = Talker(world, V1_0).do(Operation.CREATE, symmetric(), aes(256, ENCRYPTS, named("bucket-key")))
    radosgw = Talker(world, V1_0)
    found = radosgw.do(
        Operation.LOCATE,
        named("bucket-key"),
        header=(item(Tag.MAXIMUM_RESPONSE_SIZE, 8192), date(Tag.TIME_STAMP, int(world.clock()))),
    )
    assert found.uid == made.uid
    small = radosgw.ask(Operation.GET, uid(made.uid), header=(item(Tag.MAXIMUM_RESPONSE_SIZE, 64),))
    assert not small.ok
    go = Talker(world, V1_4)
    assert go.do(Operation.LOCATE, named("bucket-key"), header=(item(Tag.CLIENT_CORRELATION_VALUE, "go-1"),)).ok


def test_an_empty_credential_is_none(world: World) -> None:
    """PyKMIP sends one if its configuration names the keys and gives no values."""
    client = Talker(world, V1_2, header=(password("", ""),))
    made = client.do(Operation.CREATE, symmetric(), aes())
    assert Talker(world, V1_2).do(Operation.GET, uid(made.uid)).ok  # it is the client of the certificate, and no other
    world.callers["nobody"] = replace(world.callers["alice"], identity="", name="")
    assert not Talker(world, V1_2, "nobody", header=(password("", ""),)).ask(Operation.GET, uid(made.uid)).ok
    for wrong in (password("", "x"), password("x", "")):
        assert not Talker(world, V1_2, header=(wrong,)).ask(Operation.GET, uid(made.uid)).ok


def test_every_reason_for_a_refusal_is_one_that_the_version_has(world: World) -> None:
    for version in (V1_0, V1_1, V1_2, V1_4):
        client = Talker(world, version)
        refusals: list[Answer] = [
            client.ask(Operation.GET, uid("nothing")),
            client.ask(Operation.CREATE, symmetric(), aes(17)),
            client.ask(Operation.LOCATE, attribute("Nonsense", 1)),
            client.ask(Operation.ACTIVATE, uid("nothing")),
        ]
        for refusal in refusals[:2] + refusals[3:]:
            assert not refusal.ok
            reason = ResultReason(refusal.get(Tag.RESULT_REASON))
            assert reason.since <= version


@pytest.mark.parametrize("version", [V1_0, V1_2, V1_4])
def test_an_instance_of_what_may_have_several_is_told_with_its_index(world: World, version: Version) -> None:
    """PyKMIP reads the Attribute Index of a Name, and takes it to change the Name and to delete it."""
    client = Talker(world, version)
    key = client.do(Operation.CREATE, symmetric(), aes(128, ENCRYPTS, named("first"))).uid
    changed = attribute("Name", *name("second"), index=0)
    for answer in (
        client.do(Operation.GET_ATTRIBUTES, uid(key), *wanted("Name", "Cryptographic Length")),
        client.do(Operation.MODIFY_ATTRIBUTE, uid(key), changed),
        client.do(Operation.DELETE_ATTRIBUTE, uid(key), *wanted("Name"), item(Tag.ATTRIBUTE_INDEX, 0)),
        client.do(Operation.GET_ATTRIBUTES, uid(key), *wanted("Object Group")),
    ):
        assert answer.all(Tag.ATTRIBUTE_INDEX) == [0]


@pytest.mark.parametrize("version", [V1_0, V1_4])
def test_whatever_was_given_no_operation_policy_has_the_default_one(world: World, version: Version) -> None:
    """PyKMIP looks for keys by the policy that no one gave them."""
    client = Talker(world, version)
    plain = client.do(Operation.CREATE, symmetric(), aes()).uid
    said = client.do(Operation.CREATE, symmetric(), aes(256, ENCRYPTS, attribute(POLICY, "default"))).uid
    other = client.do(Operation.CREATE, symmetric(), aes(256, ENCRYPTS, attribute(POLICY, "strict"))).uid
    later = client.do(Operation.CREATE, symmetric(), aes()).uid
    client.do(Operation.ADD_ATTRIBUTE, uid(later), attribute(POLICY, "default"))
    assert sorted(located(client, attribute(POLICY, "default"))) == sorted([plain, said, later])
    assert located(client, attribute(POLICY, "strict")) == [other]
    assert located(client, attribute(POLICY, "unknown")) == []
    for key, policy in ((plain, "default"), (said, "default"), (later, "default"), (other, "strict")):
        assert client.do(Operation.GET_ATTRIBUTES, uid(key), *wanted(POLICY)).attributes == {POLICY: policy}
        assert client.do(Operation.GET_ATTRIBUTES, uid(key)).attributes[POLICY] == policy
        assert POLICY in client.do(Operation.GET_ATTRIBUTE_LIST, uid(key)).all(Tag.ATTRIBUTE_NAME)
    assert not client.ask(Operation.DELETE_ATTRIBUTE, uid(plain), *wanted(POLICY)).ok
    newer = Talker(world, V2_1)
    assert newer.do(Operation.GET_ATTRIBUTES, uid(plain)).get(Tag.OPERATION_POLICY_NAME) is None


@pytest.mark.parametrize("version", [V1_0, V1_4])
def test_a_deactivation_date_in_the_past_deactivates_what_is_active(world: World, version: Version) -> None:
    """kmip-go ends a key so, with its own clock, which may be behind the server's.  Source: 1.4 §3.22, transition 6."""
    client = Talker(world, version)
    key = client.do(Operation.CREATE, symmetric(), aes()).uid
    client.do(Operation.ACTIVATE, uid(key))
    past = attribute("Deactivation Date", START - 86400, kind=ttlv.DATE_TIME)
    client.do(Operation.ADD_ATTRIBUTE, uid(key), attribute("Deactivation Date", START + 86400, kind=ttlv.DATE_TIME))
    client.do(Operation.MODIFY_ATTRIBUTE, uid(key), past)
    told = client.do(Operation.GET_ATTRIBUTES, uid(key), *wanted("State", "Deactivation Date")).attributes
    assert told == {"State": State.DEACTIVATED, "Deactivation Date": START - 86400}
    assert not client.ask(Operation.ACTIVATE, uid(key)).ok
    ahead = attribute("Activation Date", START + 86400, kind=ttlv.DATE_TIME)
    assert not client.ask(Operation.CREATE, symmetric(), aes(256, ENCRYPTS, ahead, past)).ok


@pytest.mark.parametrize("length", [521, 528, 512, 536])
def test_the_length_of_a_curve_may_be_said_in_whole_bytes(world: World, length: int) -> None:
    """There are clients that know P-521 as 66 bytes."""
    client = Talker(world, V1_4)
    material = ec.generate_private_key(ec.SECP521R1()).private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
    block = item(
        Tag.KEY_BLOCK,
        item(Tag.KEY_FORMAT_TYPE, KeyFormatType.PKCS_8),
        item(Tag.KEY_VALUE, item(Tag.KEY_MATERIAL, material)),
        item(Tag.CRYPTOGRAPHIC_ALGORITHM, EC),
        item(Tag.CRYPTOGRAPHIC_LENGTH, length),
    )
    kind = item(Tag.OBJECT_TYPE, ObjectType.PRIVATE_KEY)
    answer = client.ask(Operation.REGISTER, kind, template(usage(1)), item(Tag.PRIVATE_KEY, block))
    assert answer.ok is (length in (521, 528))
    if answer.ok:
        told = client.do(Operation.GET_ATTRIBUTES, uid(answer.uid), *wanted("Cryptographic Length")).attributes
        assert told == {"Cryptographic Length": 521}


@pytest.mark.parametrize("version", [V1_0, V1_4])
def test_both_halves_of_a_pair_may_have_the_name_given_for_both(world: World, version: Version) -> None:
    """kmip-go and the kmip crate name a pair in its Common Template-Attribute.  Source: 1.4 §4.2."""
    client = Talker(world, version)
    common = template(
        attribute("Cryptographic Algorithm", RSA),
        attribute("Cryptographic Length", 2048),
        usage(3),
        named("pair"),
        tag=Tag.COMMON_TEMPLATE_ATTRIBUTE,
    )
    made = client.do(Operation.CREATE_KEY_PAIR, common)
    private, public = made.get(Tag.PRIVATE_KEY_UNIQUE_IDENTIFIER), made.get(Tag.PUBLIC_KEY_UNIQUE_IDENTIFIER)
    assert sorted(located(client, named("pair"))) == sorted([private, public])
    for kind, half in ((ObjectType.PRIVATE_KEY, private), (ObjectType.PUBLIC_KEY, public)):
        assert located(client, named("pair"), attribute("Object Type", kind)) == [half]
        assert client.do(Operation.GET_ATTRIBUTES, uid(half), *wanted("Name")).all(Tag.NAME_VALUE) == ["pair"]
    assert not client.ask(Operation.CREATE_KEY_PAIR, common).ok
    assert not client.ask(Operation.CREATE, symmetric(), aes(256, ENCRYPTS, named("pair"))).ok
    client.do(Operation.DESTROY, uid(private))
    assert located(client, named("pair")) == [public]
    client.do(Operation.DESTROY, uid(public))
    client.do(Operation.CREATE_KEY_PAIR, common)
