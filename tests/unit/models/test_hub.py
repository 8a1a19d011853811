"""The hub's cache on disk and its client: which commit is meant, and what is downloaded of it. No network."""

from types import SimpleNamespace

import httpx2
import huggingface_hub
import pytest
from huggingface_hub import constants
from huggingface_hub.errors import RepositoryNotFoundError

from saccade.errors import HubUnreachable, PackageInvalid, ParameterInvalid
from saccade.models.hub import HubSource, fetch_snapshot, needed_files, parse_hub_source

OLD, NEW = "a" * 40, "b" * 40


@pytest.fixture
def cache(tmp_path):
    """Return a function that puts commits into a cache folder."""

    def make(*commits, **refs):
        home = tmp_path / "hub" / "models--org--tiny"
        for commit in commits:
            (home / "snapshots" / commit).mkdir(parents=True)
        for name, commit in refs.items():
            (home / "refs").mkdir(exist_ok=True)
            (home / "refs" / name).write_text(commit)
        return tmp_path / "hub"

    return make


@pytest.fixture
def offline(monkeypatch):
    """Be what HF_HUB_OFFLINE=1 makes of the client."""
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("hf:org/name", HubSource("org/name", None)),
        ("hf:org/name@main", HubSource("org/name", "main")),
        ("hf:o.r-g/n_a.me@refs/pr/1", HubSource("o.r-g/n_a.me", "refs/pr/1")),
    ],
)
def test_source_is_read_when_it_names_a_repository(source, expected):
    """org/name, and what of its history is meant."""
    assert parse_hub_source(source) == expected


@pytest.mark.parametrize("source", ["hf:name", "hf:", "hf:a/b/c", "hf:../x", "hf:a/..", "hf:a/b@", "hf:a/b@../../c"])
def test_source_that_is_none_is_refused(source):
    """Nothing that could be a path of this disk passes for a repository or a revision."""
    with pytest.raises(ParameterInvalid):
        parse_hub_source(source)


@pytest.mark.parametrize("revision", [None, NEW, NEW[:8], "main"])
def test_one_commit_in_the_cache_is_used_when_offline(cache, offline, revision):
    """The only commit needs no name; a branch, a commit or its beginning finds it too."""
    folder = cache(NEW, main=NEW)

    snapshot = fetch_snapshot(HubSource("org/tiny", revision), cache_dir=folder)

    assert (snapshot.commit, snapshot.folder) == (NEW, folder / "models--org--tiny" / "snapshots" / NEW)


def test_two_commits_without_a_revision_are_refused_naming_both(cache, offline):
    """Which of two commits is meant is not guessed, not even by a branch."""
    folder = cache(OLD, NEW, main=NEW)

    with pytest.raises(ParameterInvalid) as caught:
        fetch_snapshot(HubSource("org/tiny", None), cache_dir=folder)
    assert OLD in str(caught.value)
    assert NEW in str(caught.value)


def test_revision_chooses_between_two_commits(cache, offline):
    """A named revision is pinned to its commit."""
    folder = cache(OLD, NEW, v1=OLD)

    assert fetch_snapshot(HubSource("org/tiny", "v1"), cache_dir=folder).commit == OLD


@pytest.mark.parametrize("revision", ["v9", "c" * 40, "b" * 6, None])
def test_what_the_cache_does_not_hold_is_refused_when_offline(cache, offline, revision):
    """Another commit is never served in its place."""
    folder = cache(NEW) if revision else cache()

    with pytest.raises(HubUnreachable, match="org/tiny"):
        fetch_snapshot(HubSource("org/tiny", revision), cache_dir=folder)


FILES = [
    "README.md",
    "config.json",
    "model.safetensors",
    "onnx/model.onnx",
    "onnx/model.onnx_data",
    "onnx/model_fp16.onnx",
    "onnx/model_fp16.onnx_data",
    "preprocessor_config.json",
    "modeling_evil.py",
]


@pytest.mark.parametrize(
    ("variant", "expected"),
    [
        (None, ["config.json", "onnx/model.onnx", "onnx/model.onnx_data", "preprocessor_config.json"]),
        ("fp16", ["config.json", "onnx/model_fp16.onnx", "onnx/model_fp16.onnx_data", "preprocessor_config.json"]),
    ],
)
def test_only_one_graph_and_the_small_files_are_needed(variant, expected):
    """Of a repository with many variants one is downloaded, with its weights; never code."""
    assert needed_files(FILES, variant=variant) == expected


def test_repository_without_a_graph_is_refused_before_anything_is_downloaded():
    """A torch repository is told apart by its list of files."""
    with pytest.raises(PackageInvalid, match="only weights"):
        needed_files(["config.json", "model.safetensors"], variant=None)


class FakeHub:
    """A hub with one repository; remembers what was asked of it."""

    def __init__(self, error=None):
        self.error = error
        self.downloads = []

    def model_info(self, repository, *, revision, timeout):
        if self.error:
            raise self.error
        return SimpleNamespace(sha=NEW, siblings=[SimpleNamespace(rfilename=name) for name in FILES])

    def snapshot_download(self, repository, *, revision, allow_patterns, cache_dir, etag_timeout):
        self.downloads.append((repository, revision, allow_patterns))
        return str(cache_dir / "models--org--tiny" / "snapshots" / revision)


def test_download_is_pinned_to_the_commit_that_the_branch_means(cache, monkeypatch):
    """The commit is asked for first, and nothing but what is needed is downloaded of exactly that commit."""
    hub = FakeHub()
    monkeypatch.setattr(huggingface_hub, "HfApi", lambda: hub)

    assert fetch_snapshot(HubSource("org/tiny", "main"), cache_dir=cache()).commit == NEW
    assert hub.downloads == [("org/tiny", NEW, needed_files(FILES, variant=None))]


@pytest.mark.parametrize("error", [httpx2.ConnectError("no route"), TimeoutError("slow"), OSError("reset")])
def test_cache_answers_when_the_hub_does_not(cache, monkeypatch, error):
    """An outage of the hub is no outage of what is on disk; what is not on disk is refused as unreachable."""
    monkeypatch.setattr(huggingface_hub, "HfApi", lambda: FakeHub(error))
    folder = cache(NEW)

    assert fetch_snapshot(HubSource("org/tiny", None), cache_dir=folder).commit == NEW
    with pytest.raises(HubUnreachable, match=r"org/tiny@v9.*client says"):
        fetch_snapshot(HubSource("org/tiny", "v9"), cache_dir=folder)


def test_repository_that_the_hub_does_not_have_is_refused(cache, monkeypatch):
    """A misspelt name is the caller's to mend, even where the cache holds something."""
    response = httpx2.Response(404, request=httpx2.Request("GET", "https://hub.invalid"))
    error = RepositoryNotFoundError("404", response=response)
    monkeypatch.setattr(huggingface_hub, "HfApi", lambda: FakeHub(error))

    with pytest.raises(PackageInvalid, match="has no org/tiny"):
        fetch_snapshot(HubSource("org/tiny", None), cache_dir=cache(NEW))
