"""s3://, gs:// and az:// : blobs in a bucket, through obstore."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import TYPE_CHECKING, cast
from urllib.parse import parse_qsl, urlsplit

import obstore
from obstore.exceptions import BaseError
from obstore.store import from_url

from saccade.backends.objects.keys import check_key, check_prefix
from saccade.backends.outage import Outage
from saccade.backends.words import first_line
from saccade.errors import ObjectMissing, ObjectsFull, ObjectsUnreachable, SettingInvalid
from saccade.jobs.ports import StoredObject

if TYPE_CHECKING:  # obstore has these names for type checkers only
    from obstore.store import ClientConfig, ObjectStore, RetryConfig, S3Config

log = logging.getLogger("saccade.objects")

_AT_ONCE = 16
#: Larger blobs go in parts, each of which has to be through within the read timeout.
_PART_BYTES = 8 * 1024 * 1024
_FULL = ("507 ", "StorageFull", "QuotaExceeded", "InsufficientStorage")
#: A store that accepts connections and says nothing is given up after the read timeout: then no time is left to retry.
_CONNECT_TIMEOUT_S = 3
_READ_TIMEOUT_S = 9
_RETRY: RetryConfig = {
    "max_retries": 4,
    "retry_timeout": timedelta(seconds=5),
    "backoff": {"init_backoff": timedelta(milliseconds=100), "max_backoff": timedelta(seconds=1), "base": 2},
}
#: scheme → what its URL may say beside bucket and prefix; everything else comes from the environment.
_PARAMETERS: Mapping[str, frozenset[str]] = {
    "s3": frozenset({"endpoint", "region", "allow_http", "virtual_hosted_style_request", "skip_signature"}),
    "gs": frozenset({"skip_signature"}),
    "az": frozenset({"endpoint", "account_name", "allow_http", "skip_signature"}),
}


class CloudObjects:
    """Keeps blobs as objects of a bucket, which shows whole objects only. Thread-safe."""

    def __init__(self, store: ObjectStore) -> None:
        """Take an opened bucket."""
        self._store = store
        self._outage = Outage("the bucket of stored bytes", log)
        self._threads = ThreadPoolExecutor(max_workers=_AT_ONCE, thread_name_prefix="saccade-objects")

    def put_many(self, blobs: Mapping[str, bytes]) -> None:
        """See ``Objects``."""
        for key in blobs:
            check_key(key)
        if len(blobs) == 1:
            self._put(*next(iter(blobs.items())))
        else:
            for _ in self._threads.map(self._put, blobs.keys(), blobs.values()):
                pass

    def get(self, key: str) -> bytes:
        """See ``Objects``."""
        with self._naming_failures(missing=key):
            return obstore.get(self._store, check_key(key)).bytes().to_bytes()

    def copy(self, source: str, target: str) -> None:
        """See ``Objects``; the bytes do not pass through here."""
        with self._naming_failures(missing=source):
            obstore.copy(self._store, check_key(source), check_key(target))

    def delete_many(self, keys: Sequence[str]) -> None:
        """See ``Objects``."""
        checked = [check_key(key) for key in keys]
        if not checked:
            return
        with self._naming_failures():
            try:
                obstore.delete(self._store, checked)
            except FileNotFoundError:
                # Some stores stop at a key that is absent; what comes after it is deleted one by one.
                for _ in self._threads.map(self._delete, checked):
                    pass

    def list(self, prefix: str) -> Iterator[StoredObject]:
        """See ``Objects``."""
        check_prefix(prefix)
        with self._naming_failures():
            for page in obstore.list(self._store, prefix or None):
                for entry in page:
                    made_us = int(entry["last_modified"].timestamp() * 1_000_000)
                    yield StoredObject(entry["path"], entry["size"], made_us)

    def check(self) -> None:
        """See ``Objects``; the bucket is asked for one page of a listing."""
        with self._naming_failures():
            next(iter(obstore.list(self._store, "saccade-check", chunk_size=1)), None)

    def close(self) -> None:
        """See ``Objects``."""
        self._threads.shutdown()

    def _put(self, key: str, data: bytes) -> None:
        with self._naming_failures():
            obstore.put(self._store, key, data, chunk_size=_PART_BYTES, max_concurrency=2)

    def _delete(self, key: str) -> None:
        with self._naming_failures(), contextlib.suppress(FileNotFoundError):
            obstore.delete(self._store, key)

    @contextlib.contextmanager
    def _naming_failures(self, *, missing: str | None = None) -> Iterator[None]:
        """Give obstore's failures our names; ``missing`` is the key whose absence is an answer, not a failure."""
        try:
            yield
        except FileNotFoundError as failure:
            if missing is None:
                raise self._unreachable(failure) from failure
            raise ObjectMissing(f"There is no blob {missing}.") from None
        except (BaseError, OSError) as failure:
            if any(word in str(failure) for word in _FULL):
                raise ObjectsFull("The bucket of stored bytes is full.") from failure
            raise self._unreachable(failure) from failure
        self._outage.over()

    def _unreachable(self, failure: Exception) -> ObjectsUnreachable:
        """Return what a caller is told; obstore's words, which name endpoint and key, go into the log."""
        unreachable = ObjectsUnreachable("The bucket of stored bytes does not answer.")
        unreachable.reason = first_line(failure)
        self._outage.met(unreachable)
        return unreachable


def open_cloud(url: str) -> CloudObjects:
    """Open a bucket; nothing is dialled yet.

    Credentials, region and endpoint come from the environment that the providers' own tools use (``AWS_…``,
    ``GOOGLE_…``, ``AZURE_…``), from a machine's role, or from the URL. S3 is tested; gs and az go through the same
    library and are not.

    Uploads of more than 8 MiB go in parts; a rule of the bucket should remove parts of uploads that were never
    finished.

    Args:
        url: ``s3://bucket/prefix``, ``gs://bucket/prefix``, ``az://container/prefix``, with parameters behind ``?``:
            ``endpoint=http://127.0.0.1:9000`` of a store of one's own, ``region=eu-central-1``, ``allow_http=true``
            without which no unencrypted endpoint is spoken to, ``virtual_hosted_style_request=true``,
            ``skip_signature=true`` for a bucket without credentials; for az ``account_name=``.

    Raises:
        SettingInvalid: The URL names no bucket, or has a parameter that means nothing.
    """
    parts = urlsplit(url)
    parameters = dict(parse_qsl(parts.query, keep_blank_values=True))
    unknown = sorted(set(parameters) - _PARAMETERS[parts.scheme])
    if unknown or not parts.netloc or parts.username is not None:
        known = ", ".join(sorted(_PARAMETERS[parts.scheme]))
        raise SettingInvalid(
            f"SACCADE_OBJECTS_URL must be {parts.scheme}://bucket/prefix, with parameters of {known}.",
            hint="Credentials come from the environment, never from the URL.",
        )
    client: ClientConfig = {
        "connect_timeout": timedelta(seconds=_CONNECT_TIMEOUT_S),
        "read_timeout": timedelta(seconds=_READ_TIMEOUT_S),
        "timeout": timedelta(seconds=120),
        "allow_http": parameters.pop("allow_http", "false") == "true",
    }
    try:
        store = from_url(
            parts._replace(query="", fragment="").geturl(),
            config=cast("S3Config", parameters),  # gs and az take theirs; the table above has only keys they know
            client_options=client,
            retry_config=_RETRY,
        )
    except (BaseError, ValueError) as failure:
        raise SettingInvalid(f"SACCADE_OBJECTS_URL was refused: {first_line(failure)}") from failure
    return CloudObjects(store)
