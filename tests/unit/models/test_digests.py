"""The digests of a package's files."""

import hashlib

import pytest

from saccade.models.digests import file_sha256


@pytest.mark.parametrize("size_bytes", [0, 1, 1024 * 1024, 3 * 1024 * 1024 + 5])
def test_digest_is_that_of_the_whole_file(tmp_path, size_bytes):
    """However many pieces a file is read in, the digest is the one that sha256sum prints."""
    content = bytes(range(251)) * (size_bytes // 251 + 1)
    path = tmp_path / "weights.bin"
    path.write_bytes(content[:size_bytes])

    assert file_sha256(path) == hashlib.sha256(content[:size_bytes]).hexdigest()
