"""Tokens that must open nothing, each for its own reason: the reason is looked at, so that no attack hides another."""

import base64
import gzip
import json

import jwt
import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from saccade.access.service import refusal
from saccade.errors import CredentialInvalid
from unit.access.minting import (
    AUDIENCE,
    GONE,
    ISSUER,
    NOW_S,
    Clock,
    Provider,
    base64url,
    claims,
    jwk,
    key,
    token,
    tokens,
)

ALL = ("RS256", "RS384", "PS256", "ES256", "ES384", "ES256K", "EdDSA")
FORM = "three parts of base64url"
PART = "a part of the token is no base64url"
JSON = "not strict JSON"
ALGORITHM = "the algorithm is not allowed"
KEY = "no such key for this algorithm"
SIGNATURE = "Signature verification failed"


def provider():
    """Return a provider with good keys of each kind, and with some that must not count."""
    return Provider(
        jwk("rsa"),
        jwk("rsa-es", alg="RS256"),
        jwk("p256"),
        jwk("p384"),
        jwk("ed"),
        jwk("small"),
        jwk("rsa-enc", use="enc"),
        jwk("rsa-wrap", key_ops=["wrapKey"]),
        jwk("rsa-ps", alg="PS512"),
        jwk("rsa-oaep", alg="RSA-OAEP-256"),
        {"kty": "oct", "kid": "oct", "k": base64url(b"secret" * 8), "alg": "HS256"},
        {**jwk("ed-open"), "d": base64url(key("ed-open").private_bytes_raw())},
        {**jwk("k256"), "crv": "P-256"},
        {**jwk("rsa-none"), "alg": "none"},
        "no key",
        {"kty": "RSA", "kid": "broken"},
    )


def unsigned(algorithm, end=""):
    """Return a token without a signature."""
    head = json.dumps({"alg": algorithm, "typ": "JWT", "kid": "rsa"}).encode()
    return f"{base64url(head)}.{base64url(json.dumps(claims()).encode())}.{end}"


def pem(name):
    """Return a public key as it is published."""
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    return key(name).public_key().public_bytes(serialization.Encoding.PEM, form)


def resigned(text, change):
    """Return a token with another signature."""
    signed, _, last = text.rpartition(".")
    return f"{signed}.{base64url(change(base64.urlsafe_b64decode(last + '=='), signed))}"


def der(_, signed):
    return key("p256").sign(signed.encode(), ec.ECDSA(hashes.SHA256()))


def hmac(secret, alg="HS256", kid="rsa"):
    """Return a token signed with a shared secret; the library would not use a public key as one, so this is raw."""
    import hashlib
    import hmac as raw

    signed = token(header={"alg": alg, "kid": kid}).rpartition(".")[0]
    name = {"HS256": "sha256", "HS384": "sha384", "HS512": "sha512"}[alg]
    return f"{signed}.{base64url(raw.new(secret, signed.encode(), getattr(hashlib, name)).digest())}"


def nested():
    """Return a token whose claims are a token."""
    return token(token(), {"cty": "JWT"})


def json_form():
    """Return a good token in the JSON form of RFC 7515."""
    head, body, last = token().split(".")
    return json.dumps({"payload": body, "signatures": [{"protected": head, "signature": last}]})


def twice(member, value):
    """Return good claims in which a member comes once more."""
    return json.dumps(claims())[:-1] + f", {json.dumps(member)}: {json.dumps(value)}}}"


def head(text):
    """Return a header's JSON; %s stands for what every header has."""
    return text.replace("%s", '"alg": "RS256", "typ": "JWT", "kid": "rsa"')


def without_unused_bits(text):
    """Return a token whose last letter has bits that mean nothing."""
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    return text[:-1] + letters[letters.index(text[-1]) + 1]


#: What is sent, and for which reason alone it is refused.
ATTACKS = {
    # No signature, or one that needs no private key.
    "none": (lambda: unsigned("none"), FORM),
    "none with a signature": (lambda: unsigned("none", token().rpartition(".")[2]), ALGORITHM),
    "None": (lambda: unsigned("None", "AAAA"), ALGORITHM),
    "NONE": (lambda: unsigned("NONE", "AAAA"), ALGORITHM),
    "nOnE": (lambda: unsigned("nOnE", "AAAA"), ALGORITHM),
    "none with a blank": (lambda: unsigned("none ", "AAAA"), ALGORITHM),
    "alg empty": (lambda: unsigned("", "AAAA"), ALGORITHM),
    "alg null": (lambda: token(header={"alg": None}), "alg is no text"),
    "alg missing": (lambda: token(header={"alg": GONE}), "alg is no text"),
    "alg a list": (lambda: token(header={"alg": ["RS256", "none"]}), "alg is no text"),
    "alg in another case": (lambda: token(header={"alg": "rs256"}), ALGORITHM),
    "signature cut off": (lambda: token().rpartition(".")[0] + ".", FORM),
    "signature cut short": (lambda: resigned(token(), lambda made, _: made[:-1]), SIGNATURE),
    "signature longer": (lambda: resigned(token(), lambda made, _: made + b"\0"), SIGNATURE),
    "signature of zeros": (lambda: resigned(token(), lambda made, _: bytes(len(made))), SIGNATURE),
    "psychic signature": (lambda: resigned(token(alg="ES256", kid="p256"), lambda *_: bytes(64)), SIGNATURE),
    "psychic signature in DER": (
        lambda: resigned(token(alg="ES256", kid="p256"), lambda *_: bytes.fromhex("3006020100020100")),
        SIGNATURE,
    ),
    "ES256 in DER": (lambda: resigned(token(alg="ES256", kid="p256"), der), SIGNATURE),
    "EdDSA of zeros": (lambda: resigned(token(alg="EdDSA", kid="ed"), lambda *_: bytes(64)), SIGNATURE),
    # Shared secrets.
    "HS256 with the public key": (lambda: hmac(pem("rsa")), ALGORITHM),
    "HS384 with the public key": (lambda: hmac(pem("rsa"), "HS384"), ALGORITHM),
    "HS512 with nothing": (lambda: hmac(b"", "HS512"), ALGORITHM),
    "HS256 with the JWK": (lambda: hmac(json.dumps(jwk("rsa")).encode()), ALGORITHM),
    "HS256 with a shared secret of the set": (lambda: hmac(b"secret" * 8, kid="oct"), ALGORITHM),
    # Keys.
    "signed with another key": (lambda: token(signer="rsa-mallory"), SIGNATURE),
    "signed with another key of the set": (lambda: token(signer="rsa-es"), SIGNATURE),
    "claims changed": (
        lambda: ".".join(
            [token().split(".")[0], base64url(json.dumps(claims(sub="admin")).encode()), token().split(".")[2]]
        ),
        SIGNATURE,
    ),
    "kid of another key": (lambda: token(kid="rsa-es", signer="rsa"), SIGNATURE),
    "kid unknown": (lambda: token(kid="rsa-mallory"), KEY),
    "kid missing": (lambda: token(kid=None, signer="rsa"), KEY),
    "kid a path": (lambda: token(header={"kid": "../../../../dev/null"}), KEY),
    "kid SQL": (lambda: token(header={"kid": "x' UNION SELECT 'rsa'; --"}), KEY),
    "kid a command": (lambda: token(header={"kid": "rsa|$(id)"}), KEY),
    "kid with NUL": (lambda: token(header={"kid": "rsa\0"}), KEY),
    "kid half a character": (lambda: token(header={"kid": "\ud800"}), KEY),
    "kid in another case": (lambda: token(header={"kid": "RSA"}), KEY),
    "kid very long": (lambda: token(header={"kid": "k" * 257}), "kid is no text, or too long"),
    "kid empty": (lambda: token(header={"kid": ""}), "kid is no text, or too long"),
    "kid null": (lambda: token(header={"kid": None}), "kid is no text, or too long"),
    "kid a number": (lambda: token(header={"kid": 1}), "kid is no text, or too long"),
    "kid a list": (lambda: token(header={"kid": ["rsa"]}), "kid is no text, or too long"),
    "kid an object": (lambda: token(header={"kid": {"rsa": 1}}), "kid is no text, or too long"),
    "RSA too small": (lambda: token(kid="small"), KEY),
    "key for encryption": (lambda: token(kid="rsa-enc"), KEY),
    "key for wrapping": (lambda: token(kid="rsa-wrap"), KEY),
    "key of another algorithm": (lambda: token(kid="rsa-ps"), KEY),
    "key of an algorithm for encryption": (lambda: token(kid="rsa-oaep"), KEY),
    "key of no algorithm": (lambda: token(kid="rsa-none"), KEY),
    "key whose private part is published": (lambda: token(alg="EdDSA", kid="ed-open"), KEY),
    "broken key": (lambda: token(kid="broken", signer="rsa"), KEY),
    "EC key with an RSA algorithm": (lambda: token(kid="p256", signer="rsa"), KEY),
    "RSA key with an EC algorithm": (lambda: token(alg="ES256", signer="p256"), KEY),
    "Ed25519 key with an EC algorithm": (lambda: token(alg="ES256", kid="ed", signer="p256"), KEY),
    "P-384 key with ES256": (lambda: token(alg="ES256", kid="p384", signer="p256"), KEY),
    "P-256 key with ES384": (lambda: token(alg="ES384", kid="p256", signer="p384"), KEY),
    "key that lies of its curve": (lambda: token(alg="ES256", kid="k256", signer="p256"), KEY),
    "algorithm that is not allowed": (lambda: token(alg="RS512"), ALGORITHM),
    "algorithm that the key does not name": (lambda: token(alg="RS384", kid="rsa-es"), KEY),
    # Headers that bring a key, point at one, or change what is signed.
    "jku": (lambda: token(header={"jku": "https://evil.example/jwks"}), "has a jku"),
    "jku null": (lambda: token(header={"jku": None}), "has a jku"),
    "jwk": (lambda: token(header={"jwk": jwk("rsa-mallory")}, signer="rsa-mallory"), "has a jwk"),
    "x5u": (lambda: token(header={"x5u": "https://evil.example/cert"}), "has a x5u"),
    "x5c": (lambda: token(header={"x5c": ["MIIB"]}), "has a x5c"),
    "crit": (lambda: token(header={"crit": ["exp"], "exp": NOW_S}), "has a crit"),
    "crit empty": (lambda: token(header={"crit": []}), "has a crit"),
    "b64 false": (lambda: token(header={"b64": False}), "has a b64"),
    "b64 true": (lambda: token(header={"b64": True}), "has a b64"),
    "b64 and crit": (lambda: token(header={"b64": False, "crit": ["b64"]}), "has a crit"),
    "zip": (lambda: token(gzip.compress(json.dumps(claims()).encode()), {"zip": "DEF"}), "has a zip"),
    "encrypted": (lambda: token(header={"enc": "A256GCM"}), "has a enc"),
    "nested": (nested, "has a cty"),
    "nested and not told": (lambda: token(token()), JSON),
    "typ of something else": (lambda: token(header={"typ": "dpop+jwt"}), "typ"),
    "typ of a logout": (lambda: token(header={"typ": "logout+jwt"}), "typ"),
    "typ JWS": (lambda: token(header={"typ": "JWS"}), "typ"),
    "typ null": (lambda: token(header={"typ": None}), "typ"),
    "typ a list": (lambda: token(header={"typ": ["JWT"]}), "typ"),
    "header with a member twice": (lambda: token(header=head('{%s, "kid": "rsa"}')), "a member occurs twice"),
    "header with alg twice": (lambda: token(header=head('{"alg": "none", %s}')), "a member occurs twice"),
    "header with kid twice, one escaped": (
        lambda: token(header=head(r'{"\u006bid": "x", %s}')),
        "a member occurs twice",
    ),
    "header a list": (lambda: token(header='["RS256"]'), "no object"),
    "header no JSON": (lambda: token(header="{alg: RS256}"), JSON),
    "header in UTF-16": (lambda: token(header=head("{%s}").encode("utf-16-le")), JSON),
    "header with a BOM": (lambda: token(header=b"\xef\xbb\xbf" + head("{%s}").encode()), JSON),
    "header with more behind it": (lambda: token(header=head("{%s}{}")), JSON),
    "header nested deeply": (lambda: token(header='{"a":' + "[" * 5000), "nested too deeply"),
    # Claims.
    "iss missing": (lambda: token(claims(iss=GONE)), "iss is another"),
    "iss another": (lambda: token(claims(iss="https://id.example/realms/other")), "iss is another"),
    "iss with a slash more": (lambda: token(claims(iss=ISSUER + "/")), "iss is another"),
    "iss in another case": (lambda: token(claims(iss=ISSUER.upper())), "iss is another"),
    "iss a list": (lambda: token(claims(iss=[ISSUER])), "iss is another"),
    "iss null": (lambda: token(claims(iss=None)), "iss is another"),
    "aud missing": (lambda: token(claims(aud=GONE)), "aud is missing"),
    "aud another": (lambda: token(claims(aud="saccade")), "aud is another"),
    "aud a part of ours": (lambda: token(claims(aud=AUDIENCE[:-1])), "aud is another"),
    "aud empty": (lambda: token(claims(aud="")), "aud is another"),
    "aud a list without ours": (lambda: token(claims(aud=["a", "b"])), "aud is another"),
    "aud an empty list": (lambda: token(claims(aud=[])), "aud is another"),
    "aud a list with more than texts": (lambda: token(claims(aud=[AUDIENCE, 1])), "aud is missing or malformed"),
    "aud a list in a list": (lambda: token(claims(aud=[[AUDIENCE]])), "aud is missing or malformed"),
    "aud a number": (lambda: token(claims(aud=1)), "aud is missing or malformed"),
    "aud an object": (lambda: token(claims(aud={AUDIENCE: 1})), "aud is missing or malformed"),
    "aud null": (lambda: token(claims(aud=None)), "aud is missing or malformed"),
    "exp missing": (lambda: token(claims(exp=GONE)), "exp is no moment"),
    "exp past": (lambda: token(claims(exp=NOW_S - 30)), "exp is past"),
    "exp a text": (lambda: token(claims(exp=str(NOW_S + 600))), "exp is no moment"),
    "exp true": (lambda: token(claims(exp=True)), "exp is no moment"),
    "exp null": (lambda: token(claims(exp=None)), "exp is no moment"),
    "exp a list": (lambda: token(claims(exp=[NOW_S + 600])), "exp is no moment"),
    "exp NaN": (lambda: token(claims(exp=float("nan"))), "not finite"),
    "exp Infinity": (lambda: token(claims(exp=float("inf"))), "not finite"),
    "exp 1e400": (lambda: token(json.dumps(claims()).replace(str(NOW_S + 600), "1e400")), "not finite"),
    "exp 1e300": (lambda: token(claims(exp=1e300)), "exp is no moment"),
    "exp of 400 digits": (lambda: token(claims(exp=10**400)), "exp is no moment"),
    "exp of 5000 digits": (lambda: token(json.dumps(claims()).replace(str(NOW_S + 600), "1" * 5000)), JSON),
    "exp negative": (lambda: token(claims(exp=-1)), "exp is no moment"),
    "exp in digits of another script": (lambda: token(claims(exp="\u0661\u0668")), "exp is no moment"),
    "iat missing": (lambda: token(claims(iat=GONE)), "iat is no moment"),
    "iat to come": (lambda: token(claims(iat=NOW_S + 31)), "iat is to come"),
    "iat a text": (lambda: token(claims(iat=str(NOW_S))), "iat is no moment"),
    "iat false": (lambda: token(claims(iat=False)), "iat is no moment"),
    "nbf to come": (lambda: token(claims(nbf=NOW_S + 31)), "nbf is to come"),
    "nbf a text": (lambda: token(claims(nbf="0")), "nbf is no moment"),
    "nbf null": (lambda: token(claims(nbf=None)), "nbf is no moment"),
    "sub missing": (lambda: token(claims(sub=GONE)), "sub is no plain text"),
    "sub empty": (lambda: token(claims(sub="")), "sub is no plain text"),
    "sub a number": (lambda: token(claims(sub=42)), "sub is no plain text"),
    "sub null": (lambda: token(claims(sub=None)), "sub is no plain text"),
    "sub a list": (lambda: token(claims(sub=["u-42"])), "sub is no plain text"),
    "sub with a blank behind": (lambda: token(claims(sub="u-42 ")), "sub is no plain text"),
    "sub with a blank before": (lambda: token(claims(sub=" u-42")), "sub is no plain text"),
    "sub with NUL": (lambda: token(claims(sub="u-42\0")), "sub is no plain text"),
    "sub with a newline": (lambda: token(claims(sub="u-42\nadmin")), "sub is no plain text"),
    "sub with an invisible character": (lambda: token(claims(sub="u\u200b-42")), "sub is no plain text"),
    "sub with half a character": (lambda: token(claims(sub="u-42\ud800")), "sub is no plain text"),
    "sub too long": (lambda: token(claims(sub="u" * 201)), "sub is no plain text"),
    "sub twice": (lambda: token(twice("sub", "admin")), "a member occurs twice"),
    "exp twice": (lambda: token(twice("exp", NOW_S + 9999)), "a member occurs twice"),
    "a claim twice, inside": (lambda: token(twice("x", 1)[:-2] + '{"a": 1, "a": 2}}'), "a member occurs twice"),
    "claims a list": (lambda: token([claims()]), "no object"),
    "claims a text": (lambda: token('"u-42"'), "no object"),
    "claims no JSON": (lambda: token(b"\x00\xff"), JSON),
    "claims nothing": (lambda: token({}), "iss is another"),
    "claims not UTF-8": (lambda: token(json.dumps(claims(sub="X")).encode().replace(b"X", b"\xe9")), JSON),
    # The form.
    "nothing": (lambda: "", FORM),
    "one part": (lambda: "AAAA", FORM),
    "two parts": (lambda: token().rpartition(".")[0], FORM),
    "four parts": (lambda: token() + ".AAAA", FORM),
    "five parts": (lambda: "AAAA.AAAA.AAAA.AAAA.AAAA", FORM),
    "empty parts": (lambda: "..", FORM),
    "padding": (lambda: token() + "==", FORM),
    "a blank behind": (lambda: token() + " ", FORM),
    "a blank before": (lambda: " " + token(), FORM),
    "a newline behind": (lambda: token() + "\n", FORM),
    "a newline inside": (lambda: token().replace(".", ".\n", 1), FORM),
    "NUL behind": (lambda: token() + "\0", FORM),
    "plain base64": (lambda: token().replace(".", "+.", 1), FORM),
    "no base64": (lambda: token().replace(".", "!.", 1), FORM),
    "digits of another script": (lambda: token().replace(".", "\u0661.", 1), FORM),
    "letters that look alike": (lambda: token().replace("e", "\u0435", 1), FORM),
    "half a character": (lambda: token() + "\ud800", FORM),
    "a part of impossible length": (lambda: token() + "A" * ((1 - len(token().rpartition(".")[2])) % 4), PART),
    "bits that mean nothing": (lambda: without_unused_bits(token()), PART),
    "JSON form": (json_form, FORM),
    "with the scheme before it": (lambda: "Bearer " + token(), FORM),
    "too long": (lambda: token(claims(x="x" * 8192)), "the token is too long"),
    "very long": (lambda: "A" * 10_000_000, "the token is too long"),
}


@pytest.fixture(scope="module")
def reader():
    return tokens(provider(), Clock(), algorithms=ALL)


@pytest.mark.parametrize("name", ATTACKS)
def test_attack_is_refused_for_its_own_reason_and_in_the_same_words(reader, name):
    """It opens nothing, the caller cannot tell why, and the reason is this one and no other."""
    make, reason = ATTACKS[name]

    with pytest.raises(CredentialInvalid) as refused:
        reader.read(make())

    assert str(refused.value) == str(refusal())
    assert refused.value.hint == refusal().hint
    assert reason in str(refused.value.__cause__)


@pytest.mark.parametrize("name", ATTACKS)
def test_attack_is_never_remembered(reader, name):
    """What was refused is not found among what was good."""
    assert reader.recall(ATTACKS[name][0]()) is None


def test_good_token_passes_the_reader_that_refuses_them_all(reader):
    """The attacks are refused for what is bad in them, and not because everything is."""
    assert reader.read(token()).id == "jwt:u-42"


def test_reason_holds_no_piece_of_the_token(reader):
    """A log that shows the cause shows nothing that could be used."""
    text = token(claims(sub="secret-subject\0"))
    broken = token('{"sub": "secret-subject')

    for sent in (text, broken):
        with pytest.raises(CredentialInvalid) as refused:
            reader.read(sent)
        error = refused.value
        while error is not None:
            assert "secret-subject" not in repr(error) + repr(vars(error))
            assert sent not in repr(error)
            error = error.__cause__


def test_library_alone_would_take_a_claim_that_comes_twice():
    """Why the form is checked here: whoever reads the first of two values and whoever reads the last see two people."""
    text, public = token(twice("sub", "admin")), key("rsa").public_key()

    assert jwt.decode(text, public, ["RS256"], audience=AUDIENCE, options={"verify_iat": False})["sub"] == "admin"
