"""Good tokens: who they name, what they are allowed, how long they count."""

import pytest

from saccade.access.principals import Principal, Role, Via
from saccade.access.token_policy import TokenPolicy
from saccade.access.tokens import MAX_REMEMBERED, REMEMBERED_S
from saccade.errors import CredentialInvalid, SettingInvalid
from unit.access.minting import AUDIENCE, GONE, ISSUER, NOW_S, Clock, Provider, claims, jwk, token, tokens

GOOD = [("RS256", "rsa"), ("PS256", "rsa"), ("ES256", "p256"), ("ES384", "p384"), ("ES256K", "k256"), ("EdDSA", "ed")]
ALL = tuple(algorithm for algorithm, _ in GOOD)


def reader_of(clock=None, provider=None, **policy):
    """Return a reader with all kinds of keys."""
    every = provider or Provider(*(jwk(kid) for kid in dict.fromkeys(kid for _, kid in GOOD)))
    return tokens(every, clock or Clock(), **{"algorithms": ALL, **policy})


def read(body, **policy):
    """Return who a token with these claims names."""
    return reader_of(**policy).read(token(body))


@pytest.mark.parametrize(("algorithm", "kid"), GOOD)
def test_good_token_names_its_subject(algorithm, kid):
    """A token of each kind of key opens, under an id that no account can have, and without scopes."""
    found = reader_of().read(token(alg=algorithm, kid=kid))

    assert found == Principal("jwt:u-42", "u-42", frozenset(), Via.JWT, scopes=None)


@pytest.mark.parametrize("typ", ["JWT", "jwt", "at+jwt", "AT+JWT", GONE])
def test_kinds_of_tokens_that_are_taken(typ):
    """Providers write typ in several ways, or not at all."""
    assert reader_of().read(token(header={"typ": typ})).id == "jwt:u-42"


def test_headers_that_mean_nothing_to_us_are_passed_over():
    """A thumbprint, a nonce: real providers send them."""
    assert reader_of().read(token(header={"x5t": "abc", "nonce": "n"})).id == "jwt:u-42"


@pytest.mark.parametrize("audience", [AUDIENCE, [AUDIENCE], ["other", AUDIENCE], "saccade-batch"])
def test_audience_that_names_us(audience):
    """One text or a list, and any of our names."""
    assert read(claims(aud=audience)).id == "jwt:u-42"


@pytest.mark.parametrize(
    "changes",
    [
        {"exp": NOW_S - 29},
        {"iat": NOW_S + 30},
        {"nbf": NOW_S + 30},
        {"exp": NOW_S + 0.5, "iat": NOW_S - 0.5},
        {"exp": 4_102_444_800},
        {"iat": 0},
    ],
)
def test_times_that_count(changes):
    """The provider's clock may be off by the leeway; halves of seconds and far ends are moments too."""
    assert read(claims(**changes)).id == "jwt:u-42"


def test_token_that_names_no_key_is_taken_where_there_is_one():
    """A provider with one key need not name it; keys that could not be used are no choice, and two are one too many."""
    jwks = [jwk("rsa", kid=GONE), jwk("rsa-enc", use="enc"), jwk("small"), jwk("p256")]
    text = token(kid=None, signer="rsa")

    assert reader_of(provider=Provider(*jwks), algorithms=("RS256",)).read(text).id == "jwt:u-42"
    with pytest.raises(CredentialInvalid):
        reader_of(provider=Provider(*jwks), algorithms=("RS256", "ES256")).read(text)


def test_first_of_two_keys_with_the_same_id_is_taken():
    """Another key that joins under the same id takes nobody's place."""
    both = Provider(jwk("rsa"), jwk("rsa-mallory", kid="rsa"))

    assert reader_of(provider=both).read(token()).id == "jwt:u-42"
    with pytest.raises(CredentialInvalid):
        reader_of(provider=both).read(token(signer="rsa-mallory"))


def test_keys_of_different_kinds_may_share_an_id():
    """As RFC 7517 allows."""
    both = reader_of(provider=Provider(jwk("rsa", kid="k"), jwk("p256", kid="k")))

    assert both.read(token(kid="k", signer="rsa")).id == "jwt:u-42"
    assert both.read(token(alg="ES256", kid="k", signer="p256")).id == "jwt:u-42"


@pytest.mark.parametrize(
    ("changes", "policy", "expected"),
    [
        ({"roles": ["admin", "researcher"]}, {}, {Role.ADMIN, Role.RESEARCHER}),
        ({"roles": "researcher"}, {}, {Role.RESEARCHER}),
        ({"roles": "openid researcher,investigator\tx"}, {}, {Role.RESEARCHER, Role.INVESTIGATOR}),
        ({"roles": ["Admin", "ADMIN", "admin ", "none", "root", 1, None, ["admin"]]}, {}, set()),
        ({"roles": {"admin": True}}, {}, set()),
        ({"roles": True}, {}, set()),
        ({}, {}, set()),
        ({}, {"default_role": Role.INVESTIGATOR}, {Role.INVESTIGATOR}),
        ({"roles": ["other"]}, {"default_role": Role.INVESTIGATOR}, {Role.INVESTIGATOR}),
        ({"roles": ["admin"]}, {"default_role": Role.INVESTIGATOR}, {Role.ADMIN}),
        ({"realm_access": {"roles": ["admin"]}}, {"roles_claim": "realm_access.roles"}, {Role.ADMIN}),
        ({"realm_access": ["roles"]}, {"roles_claim": "realm_access.roles"}, set()),
        ({"https://x.example/roles": ["admin"]}, {"roles_claim": "https://x.example/roles"}, {Role.ADMIN}),
        ({"roles": ["admin"]}, {"roles_claim": "groups"}, set()),
    ],
)
def test_roles_are_read_where_the_setting_says(changes, policy, expected):
    """Only our own names count, exactly as they are written; else the role for everybody."""
    assert read(claims(**changes), **policy).roles == expected


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"preferred_username": "ada", "name": "Ada L."}, "ada"),
        ({"preferred_username": "", "name": " Ada Lovelace "}, "Ada Lovelace"),
        ({"preferred_username": "a\u202eda", "name": "Ada"}, "Ada"),
        ({"preferred_username": ["ada"], "name": 7}, "u-42"),
        ({"name": "\u00c5da" * 100}, ("\u00c5da" * 100)[:255]),
        ({"preferred_username": "  ", "name": "a\nb"}, "u-42"),
    ],
)
def test_name_is_the_first_that_can_be_shown(changes, expected):
    """Reports show a name that people know, never one that turns a line around; what they own hangs on sub."""
    found = read(claims(**changes))

    assert (found.name, found.id) == (expected, "jwt:u-42")


def test_good_token_is_not_verified_again_at_once():
    """A token that is shown again is recalled; who never was seen is not."""
    clock, provider = Clock(), Provider(jwk("rsa"))
    reader = reader_of(clock, provider)

    assert reader.recall(token()) is None
    found = reader.read(token())
    assert reader.recall(token()) is found
    clock.now_s += REMEMBERED_S
    assert reader.recall(token()) is None
    assert reader.read(token()) == found


def test_remembered_token_ends_when_it_says():
    """Being remembered makes no token live longer: with its end it is held against the policy again."""
    clock = Clock()
    reader, text = reader_of(clock, leeway_s=0), token(claims(exp=NOW_S + 2))
    reader.read(text)

    clock.now_s += 1.9
    assert reader.recall(text) is not None
    clock.now_s += 0.2
    assert reader.recall(text) is None
    with pytest.raises(CredentialInvalid):
        reader.read(text)


def test_remembered_token_ends_with_its_key():
    """Being remembered makes no key live longer either."""
    clock, provider = Clock(), Provider(jwk("rsa"))
    reader = reader_of(clock, provider, refresh_s=3)
    reader.read(token())
    provider.jwks = [jwk("p256")]

    clock.now_s += 2.9
    assert reader.recall(token()) is not None
    clock.now_s += 0.1
    assert reader.recall(token()) is None
    with pytest.raises(CredentialInvalid):
        reader.read(token())


def test_remembered_tokens_are_bounded():
    """However many are shown, memory holds the last ones."""
    reader = reader_of()
    texts = [token(claims(n=number), alg="EdDSA", kid="ed") for number in range(MAX_REMEMBERED + 1)]
    for text in texts[:-1]:
        reader.read(text)
    reader.recall(texts[0])
    reader.read(texts[-1])

    assert len(reader._remembered) == MAX_REMEMBERED
    assert reader.recall(texts[0]) is not None
    assert reader.recall(texts[1]) is None
    assert not any(text.encode() in repr(reader._remembered).encode() for text in texts[:3])


@pytest.mark.parametrize("text", ["", "x" * 9000, "\ud800", "\u0661.a.b", "sac_1_secret"])
def test_recall_knows_nothing_of_what_is_no_token(text):
    """It never raises, whatever is asked."""
    assert reader_of().recall(text) is None


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        ({"issuer": ""}, "SACCADE_JWT_ISSUER"),
        ({"audiences": ()}, "SACCADE_JWT_AUDIENCE"),
        ({"audiences": ("",)}, "SACCADE_JWT_AUDIENCE"),
        ({"algorithms": ()}, "SACCADE_JWT_ALGORITHMS"),
        ({"algorithms": ("RS256", "HS256")}, "SACCADE_JWT_ALGORITHMS names 'HS256'"),
        ({"algorithms": ("none",)}, "SACCADE_JWT_ALGORITHMS names 'none'"),
        ({"algorithms": ("rs256",)}, "SACCADE_JWT_ALGORITHMS names 'rs256'"),
    ],
)
def test_policy_under_which_any_token_would_do_is_refused(wrong, named):
    """A shared secret, no issuer, no audience: the server says what to set, and does not start."""
    with pytest.raises(SettingInvalid, match=named):
        TokenPolicy(**{"issuer": ISSUER, "audiences": (AUDIENCE,), **wrong})
