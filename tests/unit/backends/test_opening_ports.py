"""From a URL to hints and objects: what is refused, and with which words."""

import subprocess
import sys

import pytest

from saccade.backends import HINTS, OBJECTS, open_hints, open_objects
from saccade.errors import HintsUnreachable, SchemeUnknown, SettingInvalid

SECRET = "hunter2"


@pytest.mark.parametrize("opener", [open_hints, open_objects])
@pytest.mark.parametrize("url", [f"ftp://u:{SECRET}@host/x", f"u:{SECRET}@host", "", "memory", "://", "MEMORY://"])
def test_unknown_scheme_is_refused_and_known_ones_are_listed(opener, url):
    """The operator learns which setting is wrong and what there is, and the log learns no password."""
    with pytest.raises(SchemeUnknown) as refused:
        opener(url)

    table = HINTS if opener is open_hints else OBJECTS
    assert all(scheme in refused.value.hint for scheme in table)
    assert "SACCADE_" in str(refused.value)
    assert SECRET not in str(refused.value) + refused.value.hint


@pytest.mark.parametrize(
    "url",
    [
        f"amqp://u:{SECRET}@host//?vhost=x",
        f"redis://:{SECRET}@host/0?queue=",
        f"redis://:{SECRET}@host/0?queue=a%20b",
        f"redis://:{SECRET}@host/0?db=1",
        f"redis://:{SECRET}@host:no-port/0",
        f"amqps://u:{SECRET}@host//?ca",
        f"amqps://u:{SECRET}@host//#x",
    ],
)
def test_broker_url_with_what_means_nothing_is_refused(url):
    """A parameter that is ignored would be one that somebody relies on."""
    with pytest.raises(SettingInvalid) as refused:
        open_hints(url)

    assert SECRET not in str(refused.value) + refused.value.hint


@pytest.mark.parametrize(
    "url",
    [
        "s3://",
        "s3:///prefix",
        "s3://bucket?regoin=x",
        f"s3://key:{SECRET}@bucket",
        f"s3://bucket?secret_access_key={SECRET}",
        f"gs://bucket?service_account_key={SECRET}",
        "az://container?region=x",
    ],
)
def test_bucket_url_with_what_means_nothing_is_refused(url):
    """Buckets are named in the URL; credentials are not."""
    with pytest.raises(SettingInvalid) as refused:
        open_objects(url)

    assert SECRET not in str(refused.value) + refused.value.hint


@pytest.mark.parametrize("scheme", sorted(set(HINTS) - {"memory"}))
def test_opening_hints_dials_nobody(scheme):
    """A broker that is away does not keep a server from starting; here any dialling would fail the test."""
    hints = open_hints(f"{scheme}://user:password@127.0.0.1:1/0?queue=x")
    hints.close()
    hints.close()

    with pytest.raises(HintsUnreachable):
        hints.check()


@pytest.mark.parametrize(("scheme", "module"), [("redis", "redis"), ("redis", "kombu"), ("amqp", "kombu")])
def test_missing_driver_names_its_extra(scheme, module):
    """Who names a broker without its driver is told what to install."""
    program = (
        f"import sys; sys.modules[{module!r}] = None\n"
        "from saccade.backends import open_hints\n"
        "from saccade.errors import BackendNotInstalled\n"
        "try:\n"
        f"    open_hints('{scheme}://127.0.0.1/')\n"
        "except BackendNotInstalled as refused:\n"
        "    print(str(refused), refused.hint, sep='|')\n"
    )
    told = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60)

    assert told.stdout == f"{scheme} needs {module}, which is not installed.|pip install 'saccade[{scheme}]'\n"


def test_drivers_are_imported_when_they_are_needed():
    """Start-up time is a promise: who names no broker and no bucket pays for none."""
    program = (
        "import sys, saccade.backends as backends\n"
        "backends.open_hints('memory://'); backends.open_objects('memory://')\n"
        "print(sorted({'kombu', 'redis', 'amqp', 'obstore', 'onnxruntime'} & set(sys.modules)))\n"
    )
    told = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60)

    assert told.stdout == "[]\n"
