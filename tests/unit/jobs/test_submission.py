"""What makes two submissions the same."""

from dataclasses import replace

from saccade.jobs.submission import Source, Submission, fingerprint

SUBMISSION = Submission("alice", (Source("a.jpg", sha256="ab" * 32),), ("circles",))


def test_fingerprint_of_a_job_that_keeps_nothing_is_that_of_older_versions():
    """A key that was used before an upgrade still means the same request after it."""
    before = "b9a2c428"

    assert fingerprint(SUBMISSION)[:8] == before
    assert fingerprint(replace(SUBMISSION, keep=False))[:8] == before


def test_fingerprint_tells_whether_images_are_kept():
    """With the same key, a request that keeps its images is another one."""
    assert fingerprint(replace(SUBMISSION, keep=True)) != fingerprint(SUBMISSION)
