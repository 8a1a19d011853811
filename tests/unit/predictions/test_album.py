"""Images that last beneath the routes: what is stored, what is asked again, and what is left when something fails."""

import hashlib
import io
import json
import threading
import time
from dataclasses import replace

import pytest
from PIL import Image
from sqlalchemy import select

from saccade import settings
from saccade.backends.database.schema import metadata
from saccade.caller import Caller, CallerLeft
from saccade.errors import (
    DatabaseUnreachable,
    ImageFormatUnsupported,
    ImageUnknown,
    ModelUnknown,
    ObjectMissing,
    ObjectsFull,
    ParameterInvalid,
    QueueFull,
)
from saccade.images.gate import DecodeGate
from saccade.predictions.album import Album
from saccade.predictions.answer import PredictOptions
from saccade.predictions.stored import prediction_of
from saccade.vision.drawn import DrawnFormat
from saccade.wiring import open_platform

#: Says how bright a picture is and writes down that it was asked; fails, or waits, while a file tells it to.
PLUGIN = """
import time
from pathlib import Path

PLACE = Path({place!r})


class Shade:
    task = "image-classification"
    labels = ("dark", {bright!r})

    def load(self):
        pass

    def predict(self, images):
        if images[0].shape[0] == 24:  # not what it is shown when it is loaded
            with (PLACE / "asked").open("a") as log:
                log.write({version!r})
            if (PLACE / "fail").exists():
                raise ValueError("no")
            while (PLACE / "wait").exists():
                time.sleep(0.01)
        return [[{{"label": {bright!r} if image.mean() > 128 else "dark", "score": 1.0}}] for image in images]
"""
TIMEOUT_S = 20.0


def drawn(shade):
    """Return a picture of one shade, as a file."""
    written = io.BytesIO()
    Image.new("RGB", (32, 24), (shade,) * 3).save(written, "png")
    return written.getvalue()


def id_of(data):
    return hashlib.sha256(data).hexdigest()


class Home:
    """A platform with one model in two versions, and a look into everything that it keeps."""

    def __init__(self, folder):
        self.folder = folder
        for version in ("1", "2"):
            self.write(version)
        places = {
            "SACCADE_HOME": str(folder / "home"),
            "SACCADE_MODELS": str(folder / "models"),
            "SACCADE_OBJECTS_URL": "memory://",
        }
        self.platform = open_platform(settings.load(places))
        self.platform.start()
        self.platform.open_jobs()
        self.kept = self.platform.door.wait(TIMEOUT_S)
        self.await_true(lambda: self.platform.registry.readiness().ready)
        self.album = self.platform.album

    def write(self, version, bright="bright"):
        """Write a version of the model, with its own word for a bright picture."""
        place = self.folder / "models" / f"shade@{version}"
        place.mkdir(parents=True, exist_ok=True)
        (place / "shade.py").write_text(PLUGIN.format(place=str(self.folder), bright=bright, version=version))
        (place / "saccade.yaml").write_text("engine: python\nentry: shade.py:Shade\n")

    def await_true(self, is_true):
        deadline_s = time.monotonic() + TIMEOUT_S
        while not is_true():
            assert time.monotonic() < deadline_s
            time.sleep(0.01)

    def asked(self):
        """Return by which versions the model was asked, in their order."""
        log = self.folder / "asked"
        return log.read_text() if log.exists() else ""

    def blobs(self):
        return [each.key for each in self.kept.jobs.objects.list("images/")]

    def rows(self):
        """Return how many rows there are of images, by table."""
        tables = [table for table in metadata.sorted_tables if table.name.startswith("image")]
        count = lambda tx, table: len(tx.execute(select(table)).all())  # noqa: E731
        found = self.kept.images._database.read(lambda tx: {table.name: count(tx, table) for table in tables})
        return {name: rows for name, rows in found.items() if rows}

    def album_with(self, **parts):
        """Return an album that differs in some of its parts."""
        usual = {
            "predictor": self.platform.predictor,
            "registry": self.platform.registry,
            "records": self.kept.images,
            "search": self.kept.image_search,
            "blobs": self.kept.jobs.objects,
            "limits": self.platform.limits,
            "gate": DecodeGate(1 << 28),
            "max_wait_s": TIMEOUT_S,
        }
        return Album(**{**usual, **parts})


@pytest.fixture
def home(tmp_path):
    made = Home(tmp_path)
    yield made
    made.platform.close()


def test_two_versions_are_both_kept_and_the_newest_is_meant(home):
    """By the name alone it is the newest, by the version just that one; in which order they were asked is nothing."""
    picture = drawn(250)
    home.album.put(picture, owner="alice", models=["shade@2"])

    record = home.album.put(picture, owner="alice", models=["shade@1"]).record

    assert [(said.model, said.is_newest) for said in record.predictions] == [("shade@2", True), ("shade@1", False)]
    assert prediction_of(record, None).model == prediction_of(record, "shade").model == "shade@2"
    assert prediction_of(record, "shade@1").model == "shade@1"
    with pytest.raises(ModelUnknown):
        prediction_of(record, "circles")


def test_what_is_stored_is_not_asked_again(home):
    """The same files and the same options: answered from the record, even where nothing is cached any more."""
    picture = drawn(250)
    first = home.album.put(picture, owner="alice", models=["shade@1"])
    home.platform.predictor.forget("alice", id_of(picture))

    again = home.album.put(picture, owner="alice", models=["shade@1"])

    assert (first.created, again.created) == (True, False)
    assert [told.stored for told in (*first.told, *again.told)] == [False, True]
    assert first.told[0].prediction == again.told[0].prediction
    assert home.asked() == "1"
    home.album.put(picture, owner="bob", models=["shade@1"])
    assert home.asked() == "11"  # what another has counts for nothing


def test_other_options_take_the_place_of_the_answer_before(home):
    """One version has one prediction of an image: the last one that was asked for."""
    picture = drawn(250)
    home.album.put(picture, owner="alice", models=["shade@1"])

    again = home.album.put(picture, owner="alice", models=["shade@1"], options=PredictOptions(threshold=0.5))

    assert again.told[0].stored is False
    assert [json.loads(said.options)["threshold"] for said in again.record.predictions] == [0.5]


def test_other_files_of_a_version_are_asked_anew(home):
    """The digest tells: a version whose files were exchanged is not taken at its old word."""
    picture = drawn(250)
    home.album.put(picture, owner="alice", models=["shade@1"])
    home.write("1", bright="brilliant")
    home.platform.registry.load("shade@1")
    home.await_true(lambda: home.platform.registry.status("shade@1").card.labels[1] == "brilliant")

    again = home.album.put(picture, owner="alice", models=["shade@1"])

    assert again.told[0].stored is False
    assert [said.labels for said in again.record.predictions] == [(("brilliant", 1.0, 1),)]


def test_a_model_that_fails_leaves_the_image_and_may_be_asked_again(home):
    """Its problem is told, the image stands, the second time there is a prediction."""
    picture, noted = drawn(250), []
    (home.folder / "fail").touch()

    first = home.album.put(
        picture, owner="alice", models=["shade@1"], on_answer=lambda model, answer: noted.append((model, type(answer)))
    )
    (home.folder / "fail").unlink()
    second = home.album.put(picture, owner="alice", models=["shade@1"])

    assert (first.created, first.record.predictions, first.told[0].prediction) == (True, (), None)
    assert noted == [("shade@1", type(first.told[0].problem))]
    assert [said.labels for said in second.record.predictions] == [(("bright", 1.0, 1),)]


@pytest.mark.parametrize(
    ("picture", "models", "refusal"),
    [(b"no picture", [], ImageFormatUnsupported), (drawn(1), ["shade@1", "unheard-of"], ModelUnknown)],
    ids=["no picture", "no model"],
)
def test_what_is_refused_leaves_nothing(home, picture, models, refusal):
    """No row, no blob, and no model was asked."""
    with pytest.raises(refusal):
        home.album.put(picture, owner="alice", models=models)

    assert (home.rows(), home.blobs(), home.asked()) == ({}, [], "")


def test_blob_is_written_once_and_only_for_what_may_be_new(home):
    """Sent again under the same name nothing is written; under a new one what was written is deleted again."""
    written = []

    class Watched:
        """Blobs whose writes are told."""

        def __getattr__(self, name):
            return getattr(home.kept.jobs.objects, name)

        def put_many(self, blobs):
            written.extend(blobs)
            home.kept.jobs.objects.put_many(blobs)

    album, picture = home.album_with(blobs=Watched()), drawn(7)
    first = album.put(picture, owner="alice", file_name="a.png").record
    album.put(picture, owner="alice", file_name="a.png")
    album.put(picture, owner="alice")
    assert len(written) == 1

    named = album.put(picture, owner="alice", file_name="b.png").record

    assert named.file_names == ("a.png", "b.png")
    assert (len(written), home.blobs(), named.blob_key) == (2, [first.blob_key], first.blob_key)


def test_a_place_that_is_full_leaves_no_record(home):
    """Bytes come first: a record whose bytes could not be written would be one that cannot be shown."""

    class Full:
        def put_many(self, blobs):
            raise ObjectsFull("no room")

    with pytest.raises(ObjectsFull):
        home.album_with(blobs=Full()).put(drawn(7), owner="alice", models=["shade@1"])

    assert (home.rows(), home.asked()) == ({}, "")


def test_blob_whose_record_was_not_written_is_found_by_the_sweep(home):
    """Whether the record was written is not known then, so the blob stays until nothing turns out to name it."""

    class Away:
        """Records of a database that is gone when they are written."""

        def __getattr__(self, name):
            return getattr(home.kept.images, name)

        def remember(self, new, predictions=()):
            raise DatabaseUnreachable("gone")

    with pytest.raises(DatabaseUnreachable):
        home.album_with(records=Away()).put(drawn(7), owner="alice")

    assert home.rows() == {}
    assert home.kept.jobs.store.upkeep.ownerless(home.blobs()) == home.blobs()
    assert len(home.blobs()) == 1


def test_who_watches_does_not_wait_for_memory_for_ever(home):
    """No room to decode in within the time: refused, and nothing is stored."""
    record = home.album.put(drawn(7), owner="alice", models=["shade@1"]).record
    before = (home.rows(), home.blobs())
    gate = DecodeGate(1, max_at_once=1)
    album, begun_s = home.album_with(gate=gate, max_wait_s=0.05), time.monotonic()

    with gate.hold(1):
        with pytest.raises(QueueFull):
            album.put(drawn(8), owner="alice")
        with pytest.raises(QueueFull):
            album.annotated(record, prediction_of(record, None), DrawnFormat.PNG)

    assert (home.rows(), home.blobs()) == before
    assert time.monotonic() - begun_s < TIMEOUT_S / 2


def test_models_are_not_asked_for_who_has_left(home):
    """What was said until then is remembered."""
    picture, caller = drawn(250), Caller("alice")

    with pytest.raises(CallerLeft):
        home.album.put(
            picture,
            owner="alice",
            models=["shade@1", "shade@2"],
            caller=caller,
            on_answer=lambda *_: caller.leave(RuntimeError("gone")),
        )

    assert [said.model for said in home.kept.images.image("alice", id_of(picture)).predictions] == ["shade@1"]
    assert home.asked() == "1"


def test_image_that_is_erased_while_a_model_looks_at_it_stays_erased(home):
    """The answer comes too late: no row, no blob, and it is not kept for the next request either."""
    picture, ends = drawn(250), []
    (home.folder / "wait").touch()

    def put():
        try:
            home.album.put(picture, owner="alice", models=["shade@1"])
        except ImageUnknown as ended:
            ends.append(ended)

    putting = threading.Thread(target=put)
    putting.start()
    home.await_true(lambda: home.asked() == "1")
    home.album.erase("alice", id_of(picture))
    (home.folder / "wait").unlink()
    putting.join(TIMEOUT_S)

    assert [type(each) for each in ends] == [ImageUnknown]
    assert (home.rows(), home.blobs()) == ({}, [])
    answer = home.platform.predictor.predict(picture, model="shade@1", caller=Caller("alice"))
    assert (answer.cached, home.asked()) == (False, "11")


def test_answer_to_what_was_erased_before_is_not_kept(home):
    """Erased just after it was remembered: what the model then says is stored nowhere, and asked anew next time."""
    picture = drawn(250)

    class Hasty:
        """Records of which each is erased at once by somebody else."""

        def __getattr__(self, name):
            return getattr(home.kept.images, name)

        def remember(self, new, predictions=()):
            made = home.kept.images.remember(new, predictions)
            home.album.erase(new.owner, new.traits.sha256)
            return made

    with pytest.raises(ImageUnknown):
        home.album_with(records=Hasty()).put(picture, owner="alice", models=["shade@1"])

    assert (home.rows(), home.blobs()) == ({}, [])
    assert home.platform.predictor.predict(picture, model="shade@1", caller=Caller("alice")).cached is False


def test_erasing_forgets_rows_bytes_and_cached_answers_of_one_owner(home):
    """The other's equal picture stands, with its own bytes; a second time there is nothing to erase."""
    picture = drawn(250)
    for owner in ("alice", "bob"):
        home.album.put(picture, owner=owner, file_name="a.png", models=["shade@1"], caller=Caller(owner))
    his = home.kept.images.image("bob", id_of(picture))

    home.album.erase("alice", id_of(picture))

    assert home.kept.images.image("bob", id_of(picture)) == his
    assert home.blobs() == [his.blob_key]
    assert {name: rows for name, rows in home.rows().items() if name in {"image", "image_prediction"}} == {
        "image": 1,
        "image_prediction": 1,
    }
    assert home.platform.predictor.predict(picture, model="shade@1", caller=Caller("bob")).cached is True
    assert home.platform.predictor.predict(picture, model="shade@1", caller=Caller("alice")).cached is False
    with pytest.raises(ImageUnknown):
        home.album.erase("alice", id_of(picture))


def test_bytes_of_an_image_that_was_erased_meanwhile(home):
    """Gone with the image; sent again, they are found where they lie now; lost, that is no matter of the client's."""
    picture = drawn(250)
    record = home.album.put(picture, owner="alice").record
    home.album.erase("alice", id_of(picture))
    with pytest.raises(ImageUnknown):
        home.album.content(record)

    home.album.put(picture, owner="alice")
    assert home.album.content(record) == picture

    home.kept.jobs.objects.delete_many(home.blobs())
    with pytest.raises(ObjectMissing):
        home.album.content(home.kept.images.image("alice", id_of(picture)))


def test_drawing_leaves_out_what_is_below_the_threshold(home):
    """Upright and of the picture's size; a threshold above all scores leaves the bare picture."""
    written = io.BytesIO()
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned by a quarter
    Image.new("RGB", (640, 480), (200, 200, 200)).save(written, "jpeg", exif=exif, quality=95)
    record = home.album.put(written.getvalue(), owner="alice", models=["shade@1"]).record
    said = prediction_of(record, "shade")
    low = replace(said, prediction=said.prediction.replace('"score":1.0', '"score":0.5'))

    shown = [
        Image.open(io.BytesIO(home.album.annotated(record, low, DrawnFormat.PNG, threshold=threshold))).convert("RGB")
        for threshold in (None, 0.5, 0.6)
    ]

    assert [picture.size for picture in shown] == [(480, 640)] * 3
    assert shown[0].tobytes() == shown[1].tobytes()
    assert shown[2].getcolors() == [(480 * 640, (200, 200, 200))]
    assert shown[0].getcolors(1 << 20) != shown[2].getcolors()


def test_which_model_must_be_said_where_several_saw_the_image(home):
    """The refusal names them; one model alone need not be named."""
    picture = drawn(250)
    one = home.album.put(picture, owner="alice", models=["shade@1"]).record
    two = home.album.put(picture, owner="alice", models=["circles"]).record

    assert prediction_of(one, None).model == "shade@1"
    with pytest.raises(ParameterInvalid, match="circles, shade"):
        prediction_of(two, None)
    with pytest.raises(ModelUnknown, match="no model"):
        prediction_of(replace(one, predictions=()), None)
