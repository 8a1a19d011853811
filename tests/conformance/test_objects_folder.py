"""What a folder of blobs promises beyond the port: nothing torn, nothing half there, nothing lost with the power."""

import contextlib
import os
import random
import signal
import stat
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from saccade.backends import open_objects
from saccade.backends.objects.file import FileObjects
from saccade.errors import ObjectsFull, ObjectsUnreachable, SettingInvalid

BLOB_BYTES = 300_000
KILLS = 25

WRITER = """
import sys
from saccade.backends.objects.file import FileObjects
from pathlib import Path

class InPlace(FileObjects):  # the mutant: no temporary file, no rename
    def put_many(self, blobs):
        for key, data in blobs.items():
            path = self._path(key)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)

kind = {"real": FileObjects, "mutant": InPlace}[sys.argv[1]]
objects, size, number = kind(Path(sys.argv[2])), int(sys.argv[3]), 0
print("ready", flush=True)
while True:
    number += 1
    objects.put_many({"shared/one": bytes([number % 256]) * size, f"new/{number % 50}": bytes([number % 256]) * size})
"""

KILLED_AT = """
import os, signal, sys
from saccade.backends.objects.file import FileObjects
from pathlib import Path

objects = FileObjects(Path(sys.argv[1]))
objects.put_many({"kept/before": b"before"})
sys.addaudithook(lambda event, args: event == sys.argv[2] and os.kill(os.getpid(), signal.SIGKILL))
objects.put_many({"kept/before": b"after", "lost/one": b"1" * 1000, "lost/two": b"2" * 1000})
"""


@pytest.fixture
def folder(tmp_path):
    """Return a folder that is not there yet."""
    return tmp_path / "deep" / "objects"


def everything_in(objects):
    return {entry.key: (entry.size_bytes, objects.get(entry.key)) for entry in objects.list("")}


def torn_blobs(kind, folder):
    """Kill writers again and again; return how many blobs were seen that nobody had written like this."""
    randomness, torn, objects = random.Random(7), 0, FileObjects(folder)
    for _ in range(KILLS):
        writer = subprocess.Popen(
            [sys.executable, "-c", WRITER, kind, str(folder), str(BLOB_BYTES)], stdout=subprocess.PIPE
        )
        assert writer.stdout.readline() == b"ready\n"
        ends = time.monotonic() + randomness.uniform(0.02, 0.12)
        while time.monotonic() < ends:
            torn += sum(not whole(size, data) for size, data in everything_in(objects).values())
        writer.kill()
        writer.wait()
        writer.stdout.close()
        torn += sum(not whole(size, data) for size, data in everything_in(objects).values())
    return torn


def whole(size, data):
    return size == len(data) == BLOB_BYTES and len(set(data)) == 1


def test_nobody_ever_sees_a_part_of_a_blob(folder):
    """Writers are killed at any moment while others read and list: every blob that is seen is whole."""
    assert torn_blobs("real", folder) == 0


def test_a_writer_without_rename_would_be_caught(folder):
    """The mutant: with the rename removed, the same look finds torn blobs."""
    assert torn_blobs("mutant", folder) > 0


@pytest.mark.parametrize("moment", ["os.rename", "os.remove"])
def test_killed_before_the_rename_nothing_is_visible(folder, moment):
    """Power and processes go between writing and renaming: no new blob, no part, and the old one as it was."""
    killed = subprocess.run([sys.executable, "-c", KILLED_AT, str(folder), moment], timeout=30)
    objects = FileObjects(folder)
    there = everything_in(objects)

    if moment == "os.remove":  # nothing is removed when all goes well: the control, in which all blobs arrive
        assert killed.returncode == 0
        assert len(there) == 3
    else:
        assert killed.returncode == -signal.SIGKILL
        assert there == {"kept/before": (6, b"before")}
        assert len(left_over(folder)) == 3


def left_over(folder):
    return [path for path in folder.rglob(".*") if path.is_file()]


def test_left_overs_go_after_hours(folder):
    """What a dead process left is removed by a later listing; what a living one writes at this moment is not."""
    subprocess.run([sys.executable, "-c", KILLED_AT, str(folder), "os.rename"], timeout=30)
    objects = FileObjects(folder)
    old, *young = left_over(folder)
    os.utime(old, (time.time() - 6.1 * 3600, time.time() - 6.1 * 3600))
    os.utime(young[0], (time.time() - 3700, time.time() - 3700))  # now, on a clock an hour late

    list(objects.list(""))

    assert sorted(left_over(folder)) == sorted(young)
    assert len(young) == 2


@contextlib.contextmanager
def calls_of(*names):
    """Collect the calls of the operating system with these names, in all threads that begin within."""
    calls = []

    def watch(_, event, called):
        if event == "c_call" and called.__name__ in names:
            calls.append(called.__name__)

    threading.setprofile(watch)
    sys.setprofile(watch)
    try:
        yield calls
    finally:
        sys.setprofile(None)
        threading.setprofile(None)


def test_each_blob_is_on_the_disk_before_it_is_seen(folder):
    """All files are flushed, then renamed, then their folders are flushed; folders that were made too."""
    objects = FileObjects(folder)

    with calls_of("write", "fsync", "replace", "mkdir") as calls:
        objects.put_many({"a/1": b"1", "a/2": b"2", "b/3": b"3"})

    assert calls == [*["mkdir", "fsync"] * 2, *["write"] * 3, *["fsync"] * 3, *["replace"] * 3, *["fsync"] * 2]


def test_single_blob_is_flushed_with_its_folder(folder):
    """The way of most submissions: one file, one folder, nothing else waited for."""
    objects = FileObjects(folder)
    objects.put_many({"a/1": b"1"})

    with calls_of("write", "fsync", "replace", "mkdir") as calls:
        objects.put_many({"a/2": b"1"})

    assert calls == ["write", "fsync", "replace", "fsync"]


def test_deleted_stays_deleted(folder):
    """An erased picture does not come back with the power: folders are flushed after a deletion."""
    FileObjects(folder).put_many({"a/1": b"1", "a/2": b"2"})
    objects = FileObjects(folder)

    with calls_of("unlink", "fsync") as calls:
        objects.delete_many(["a/1", "a/2", "absent/3"])

    assert calls == ["unlink", "unlink", "unlink", "fsync"]


def test_blobs_are_for_their_owner_alone(folder):
    """Pictures of strangers are nobody else's, whatever the umask."""
    before = os.umask(0)
    try:
        FileObjects(folder).put_many({"a/b/c": b"1"})
    finally:
        os.umask(before)
    made = {path: stat.S_IMODE(path.stat().st_mode) for path in [folder.parent, folder, *folder.rglob("*")]}

    assert {mode for path, mode in made.items() if path.is_dir()} == {0o700}
    assert {mode for path, mode in made.items() if path.is_file()} == {0o600}


def test_foreign_files_and_links_are_no_blobs(folder, tmp_path):
    """What else lies in the folder is neither listed nor followed."""
    objects = FileObjects(folder)
    objects.put_many({"a/b": b"1"})
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "secret").write_text("secret")
    (folder / "link").symlink_to(tmp_path / "outside")
    (folder / "a" / "Upper Case.txt").write_text("foreign")

    assert [entry.key for entry in objects.list("")] == ["a/b"]


def test_full_disk_is_named_and_leaves_nothing_behind(small_disk):
    """No room: said as such; earlier blobs are whole, no part remains, and what fits is taken again."""
    objects = FileObjects(small_disk / "objects")
    objects.put_many({"a/first": b"1" * 100_000})

    with pytest.raises(ObjectsFull):
        objects.put_many({f"a/{n}": b"2" * 300_000 for n in range(10)})

    assert left_over(small_disk) == []
    assert all(size in {100_000, 300_000} for size, _ in everything_in(objects).values())
    assert objects.get("a/first") == b"1" * 100_000
    objects.delete_many([f"a/{n}" for n in range(10)])
    objects.put_many({"a/last": b"3" * 300_000})
    with pytest.raises(ObjectsFull):
        objects.copy("a/last", "a/copy-1") or objects.copy("a/last", "a/copy-2") or objects.copy("a/last", "a/copy-3")


@pytest.fixture
def small_disk(tmp_path):
    """Yield a file system of one mebibyte; skip where this user may not mount one."""
    place = tmp_path / "small"
    place.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(place)], capture_output=True)
    if mounted.returncode:
        pytest.skip("not here: the right to mount")
    yield place
    subprocess.run(["umount", str(place)], check=True)


def test_folder_that_was_taken_away_is_unreachable(folder):
    """A mount that went away is said to be, by the check and by whoever writes."""
    objects = FileObjects(folder)
    folder.rmdir()
    folder.write_text("not a folder")

    with pytest.raises(ObjectsUnreachable):
        objects.check()
    with pytest.raises(ObjectsUnreachable):
        objects.put_many({"a/b": b"1"})
    with pytest.raises(ObjectsUnreachable):
        open_objects(f"file://{folder}/below")


@pytest.mark.parametrize("url", ["file://", "file://relative/folder", "file:///a?b=c", "file:///a#b"])
def test_url_must_name_an_absolute_folder(url):
    """A folder that depends on where the server was started would be found again by chance."""
    with pytest.raises(SettingInvalid):
        open_objects(url)


def test_url_may_be_percent_encoded(tmp_path):
    """A folder may have a blank in its name."""
    open_objects(f"file://{tmp_path}/with%20blank").put_many({"a": b"1"})

    assert (tmp_path / "with blank" / "a").read_bytes() == b"1"
    assert Path(tmp_path / "with blank").is_dir()
