"""An issuer of tokens for tests: its keys, its key set, its clock, and tokens as bad as one likes."""

from __future__ import annotations

import base64
import json
import threading
from datetime import UTC, datetime
from functools import cache

from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from jwt.algorithms import ECAlgorithm, OKPAlgorithm, RSAAlgorithm, get_default_algorithms

from saccade.access.token_policy import TokenPolicy
from saccade.access.tokens import Tokens
from saccade.errors import KeySetUnreachable

ISSUER = "https://id.example/realms/lab"
AUDIENCE = "saccade-api"
NOW_S = 1_800_000_000
#: In place of a claim or a header: leave it out.
GONE = object()


class Clock:
    """Both clocks, which stand until a test moves them."""

    def __init__(self):
        self.now_s = float(NOW_S)

    def now(self):
        return datetime.fromtimestamp(self.now_s, UTC)

    def monotonic(self):
        return self.now_s - NOW_S


class Provider:
    """A key set that can be changed, be away, and be slow; it counts how often it is asked."""

    def __init__(self, *jwks):
        self.jwks = list(jwks)
        self.is_away = False
        self.fetches = 0
        self.is_asked = threading.Event()
        self.may_answer = threading.Event()
        self.may_answer.set()

    def fetch(self):
        self.fetches += 1
        self.is_asked.set()
        assert self.may_answer.wait(10)
        if self.is_away:
            raise KeySetUnreachable("The provider is away.")
        return {"keys": list(self.jwks)}


@cache
def key(name):
    """Return a private key; the same name is the same key all through the run."""
    kind = name.partition("-")[0]
    if kind == "small":
        return rsa.generate_private_key(65537, 1024)
    if kind == "rsa":
        return rsa.generate_private_key(65537, 2048)
    curves = {"p256": ec.SECP256R1, "p384": ec.SECP384R1, "k256": ec.SECP256K1}
    return ec.generate_private_key(curves[kind]()) if kind in curves else ed25519.Ed25519PrivateKey.generate()


def jwk(name, **more):
    """Return the public half of a key as a key set holds it; its id is its name."""
    private = key(name)
    kinds = {rsa.RSAPrivateKey: RSAAlgorithm, ec.EllipticCurvePrivateKey: ECAlgorithm}
    algorithm = next((found for kind, found in kinds.items() if isinstance(private, kind)), OKPAlgorithm)
    members = algorithm.to_jwk(private.public_key(), as_dict=True)
    members.pop("key_ops", None)
    return {name: value for name, value in ({**members, "kid": name} | more).items() if value is not GONE}


def base64url(data):
    """Return base64url without padding."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def claims(**changes):
    """Return good claims with some of them changed, or left out."""
    good = {"iss": ISSUER, "aud": AUDIENCE, "sub": "u-42", "iat": NOW_S, "exp": NOW_S + 600}
    return {name: value for name, value in (good | changes).items() if value is not GONE}


def as_bytes(part):
    """Return a header or claims as they are signed; bytes and text stay as they are."""
    if isinstance(part, bytes):
        return part
    return (part if isinstance(part, str) else json.dumps(part)).encode()


def signature(text, algorithm, signer):
    """Return a signature; the signer is the name of a key, or a secret for HS*."""
    method = get_default_algorithms()[algorithm]
    return method.sign(text.encode(), key(signer) if isinstance(signer, str) else signer)


def token(body=None, header=None, *, alg="RS256", kid="rsa", signer=None):
    """Return a token, good unless something says otherwise.

    Args:
        body: The claims, or their JSON, or any bytes.
        header: Changes of the header, or its JSON.
        alg: How it is signed.
        kid: Id of the key that it names; None names none.
        signer: The key that signs, else the one that is named.
    """
    plain = {"alg": alg, "typ": "JWT"} | ({"kid": kid} if kid is not None else {})
    head = header if isinstance(header, str | bytes) else {**plain, **(header or {})}
    if isinstance(head, dict):
        head = {name: value for name, value in head.items() if value is not GONE}
    signed = f"{base64url(as_bytes(head))}.{base64url(as_bytes(claims() if body is None else body))}"
    return f"{signed}.{base64url(signature(signed, alg, signer if signer is not None else kid))}"


def tokens(provider, clock, **policy):
    """Return the reader of our issuer's tokens."""
    wanted = TokenPolicy(**{"issuer": ISSUER, "audiences": (AUDIENCE, "saccade-batch"), **policy})
    return Tokens(wanted, provider, now=clock.now, monotonic=clock.monotonic)
