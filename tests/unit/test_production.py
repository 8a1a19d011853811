"""Production refuses what is fit for trying out only, each with a sentence that says what to set."""

import pytest

from saccade import settings
from saccade.errors import ProductionUnsafe
from saccade.settings.production import check_production

SOUND = {
    "SACCADE_ENVIRONMENT": "prod",
    "SACCADE_ACCESS_MODE": "required",
    "SACCADE_DATABASE_URL": "postgresql://saccade:kDk3-dkj2-ak8s@db.lab.internal/saccade",
    "SACCADE_HINTS_URL": "amqp://saccade:9sk2-ks8d-kd@mq.lab.internal",
    "SACCADE_JWT_JWKS": "https://login.lab.internal/keys",
    "SACCADE_JWT_ISSUER": "https://login.lab.internal",
    "SACCADE_JWT_AUDIENCE": "saccade",
}


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("SACCADE_JWT_ISSUER", "https://REPLACE_WITH_PROD_ISSUER", "placeholder"),
        ("SACCADE_JWT_ISSUER", "https://login.example.com", "placeholder"),
        ("SACCADE_JWT_AUDIENCE", "ours,<audience>", "placeholder"),
        ("SACCADE_JWT_JWKS", "https://your-domain/keys", "placeholder"),
        ("SACCADE_OBJECTS_URL", "s3://${BUCKET}/saccade", "placeholder"),
        ("SACCADE_DATABASE_URL", "postgresql://saccade:changeme@db/saccade", "SACCADE_DATABASE_URL"),
        ("SACCADE_DATABASE_URL", "postgresql://saccade:Password@db/saccade", "password that everybody knows"),
        ("SACCADE_HINTS_URL", "amqp://guest:guest@mq", "password that everybody knows"),
        ("SACCADE_RATE_URL", "redis://:%72oot@redis", "password that everybody knows"),
        ("SACCADE_DATABASE_URL", "postgresql://u@db/s?password=postgres", "password that everybody knows"),
        ("SACCADE_RATE_LOGIN", "", "guessed without end"),
        ("SACCADE_JWT_JWKS", "http://login.lab.internal/keys", "without TLS"),
    ],
)
def test_unsafe_value_is_refused_by_name(name, value, says):
    """The message names the setting and what is wrong; never the password."""
    with pytest.raises(ProductionUnsafe) as refused:
        check_production(settings.load({**SOUND, name: value}))

    assert name in str(refused.value)
    assert says in str(refused.value)
    assert "changeme" not in str(refused.value)
    assert refused.value.hint


def test_sound_settings_pass():
    """A check that refuses everything would be as useless as one that refuses nothing."""
    check_production(settings.load(SOUND))


def test_defaults_are_refused_for_the_mode_must_be_said():
    """Who starts production without a thought is asked for one."""
    with pytest.raises(ProductionUnsafe, match="SACCADE_ACCESS_MODE is not set"):
        check_production(settings.load({"SACCADE_ENVIRONMENT": "prod"}))
    check_production(settings.load({"SACCADE_ENVIRONMENT": "prod", "SACCADE_ACCESS_MODE": "open"}))


def test_development_key_is_refused():
    """Whoever reads the home folder could sign as anybody."""
    with pytest.raises(ProductionUnsafe, match=r"development-key\.pem"):
        check_production(settings.load(SOUND), development_key=True)


def test_serving_anyone_openly_is_refused():
    """Open and reachable is nobody's wish in production."""
    said = {**SOUND, "SACCADE_ACCESS_MODE": "open", "SACCADE_SERVER_ALLOW_ANYONE": "true"}

    with pytest.raises(ProductionUnsafe, match="SACCADE_SERVER_ALLOW_ANYONE"):
        check_production(settings.load(said))


def test_development_takes_anything():
    """To try things out is what it is for."""
    check_production(
        settings.load({**SOUND, "SACCADE_ENVIRONMENT": "dev", "SACCADE_HINTS_URL": "amqp://guest:guest@mq"})
    )
