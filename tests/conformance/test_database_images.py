"""Remembered images on every database: one record, whole predictions, the newest version, and nothing of others."""

import contextlib
import threading
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import replace

import pytest
from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError

from conformance.remembering import everything, found, new_record, said, sha256_of, words
from saccade.backends.database.images import SqlImageRecords
from saccade.backends.database.schema import image, image_label, image_object, image_prediction
from saccade.errors import ImageUnknown, ModelUnknown, ObjectUnknown
from saccade.images.words import words_of

TABLES = frozenset({"image", "image_prediction", "image_object", "image_label", "image_word"})


@pytest.fixture
def images(db):
    """Return the records of an empty database."""
    return SqlImageRecords(db.database)


def of_images(db):
    """Return every row of the tables of images."""
    return {name: rows for name, rows in everything(db).items() if name in TABLES}


def count(db, table):
    return len(everything(db)[table.name])


def test_a_record_is_read_as_it_was_written(db, images):
    """Traits, names, predictions, labels and objects come back to the last bit, for every hash there may be."""
    for number, phash in enumerate((0, 1, 2**63 - 1, 2**63, 2**64 - 1, 0xFEDC_BA98_7654_3210)):
        new = new_record(f"picture {number}", file_name="Ünder\0 the\ud800 sea.png", phash=phash)
        spoken = said("circles@1", found("circle", 0.75), found("ring", 0.5), found("circle", 0.25))

        written = images.remember(new, [spoken])

        record = images.image("alice", new.traits.sha256)
        assert written.created
        assert written.record == record
        assert (record.traits, record.blob_key, record.owner) == (new.traits, new.blob_key, "alice")
        assert record.file_names == ("Ünder\ufffd the? sea.png",)
        (prediction,) = record.predictions
        assert prediction.labels == (("circle", 0.75, 2), ("ring", 0.5, 1))
        assert (prediction.object_count, prediction.is_newest) == (3, True)
        assert (prediction.prediction, prediction.options) == (spoken.prediction, spoken.options)
        assert [each.found for each in images.objects("alice", new.traits.sha256)] == list(spoken.objects)


def test_the_quarters_of_a_hash_are_its_bits(db, images):
    """The highest first, and the whole as a signed number, which search compares."""
    images.remember(new_record(phash=0xFEDC_BA98_7654_3210))

    row = db.database.read(lambda tx: tx.execute(select(image)).one())

    assert [row.phash_0, row.phash_1, row.phash_2, row.phash_3] == [0xFEDC, 0xBA98, 0x7654, 0x3210]
    assert row.phash == 0xFEDC_BA98_7654_3210 - 2**64


def test_many_uploads_at_once_make_one_record(db, images):
    """Eight threads send one picture: one record, one creator, all names, all versions, each prediction whole."""
    start = threading.Barrier(8)

    def upload(number):
        start.wait()
        return images.remember(
            new_record("same", file_name=f"{number}.jpg"),
            [said(f"circles@{number % 4}"), said("rings@1", found("ring"))],
        )

    with ThreadPoolExecutor(8) as pool:
        written = list(pool.map(upload, range(8)))

    record = images.image("alice", sha256_of("same"))
    assert [each.created for each in written].count(True) == 1
    assert {each.record.number for each in written} == {record.number}
    assert {each.record.blob_key for each in written} == {record.blob_key}
    assert sorted(record.file_names) == [f"{number}.jpg" for number in range(8)]
    assert [each.model for each in record.predictions] == [*(f"circles@{n}" for n in (3, 2, 1, 0)), "rings@1"]
    assert [each.object_count for each in record.predictions] == [1] * 5
    assert [each.is_newest for each in record.predictions] == [True, False, False, False, True]
    assert (count(db, image), count(db, image_prediction), count(db, image_object)) == (1, 5, 5)


def test_the_same_again_changes_nothing(db, images):
    """Name, digest, options and prediction as before: not one row is another, so objects keep their ids."""
    images.remember(new_record(file_name="a.jpg"), [said()])
    before = of_images(db)

    again = images.remember(new_record(file_name="a.jpg"), [said()])

    assert not again.created
    assert of_images(db) == before


@pytest.mark.parametrize(
    "other",
    [
        {"digest": "sha256:other"},
        {"options": '{"top_k":9}'},
        {"prediction": '{"predictions":7}'},
    ],
)
def test_another_answer_of_a_version_replaces_the_one_before(db, images, other):
    """Its objects and labels go with it, whatever made the answer another one."""
    same = {"prediction": '{"predictions":[]}'}
    first = images.remember(new_record(), [said("circles@1", found("circle"), found("ring", 0.4), **same)])
    old_ids = {each.id for each in images.objects("alice", sha256_of("a"))}

    record = images.add_predictions(
        "alice", sha256_of("a"), [said("circles@1", found("square", 0.3), **{**same, **other})]
    )

    (prediction,) = record.predictions
    (left,) = images.objects("alice", sha256_of("a"))
    assert prediction.labels == (("square", 0.3, 1),)
    assert (left.found, left.id in old_ids) == (found("square", 0.3), False)
    assert (count(db, image_prediction), count(db, image_label), count(db, image_object)) == (1, 1, 1)
    assert words(db, "alice") == set(words_of("square"))
    assert record.updated_at_us >= first.record.updated_at_us


@pytest.mark.parametrize("order", [("9", "10", "2-beta", "2"), ("10", "2", "9", "2-beta"), ("2-beta", "2", "10", "9")])
def test_the_newest_version_is_by_value_and_not_by_letter_or_time(db, images, order):
    """10 is newer than 9, and 2 than 2-beta, in whatever order they saw the image; in labels as in predictions."""
    for version in order:
        record = images.remember(new_record(), [said(f"circles@{version}", found(f"of {version}"))]).record

    assert [each.model for each in record.predictions] == [f"circles@{v}" for v in ("10", "9", "2", "2-beta")]
    assert [each.is_newest for each in record.predictions] == [True, False, False, False]
    query = select(image_label.c.model).where(image_label.c.is_newest)
    assert db.database.read(lambda tx: tx.execute(query).scalars().all()) == ["circles@10"]
    assert [each.found.label for each in images.objects("alice", sha256_of("a"))] == ["of 10"]
    assert [each.found.label for each in images.objects("alice", sha256_of("a"), model="circles")] == ["of 10"]
    assert [each.found.label for each in images.objects("alice", sha256_of("a"), model="circles@2")] == ["of 2"]


def test_objects_of_all_models_come_best_first(images):
    """Those of each model's newest version, and of equal score by the model's name and their place."""
    images.remember(
        new_record(),
        [
            said("rings@1", found("x", 0.9), found("y", 0.5)),
            said("circles@1", found("p", 0.7), found("q", 0.5), found("r", 0.5)),
            said("circles@0", found("old", 1.0)),
        ],
    )

    assert [each.found.label for each in images.objects("alice", sha256_of("a"))] == ["x", "p", "q", "r", "y"]


def test_an_object_belongs_to_one_image_of_one_owner(images):
    """Under another image it is absent, and under the same picture of another owner too."""
    for owner in ("alice", "bob"):
        for name in ("a", "b"):
            images.remember(new_record(name, owner), [said()])
    (mine,) = images.objects("alice", sha256_of("a"))

    assert images.object("alice", sha256_of("a"), mine.id) == mine
    with pytest.raises(ObjectUnknown):
        images.object("alice", sha256_of("b"), mine.id)
    with pytest.raises(ObjectUnknown):
        images.object("bob", sha256_of("a"), mine.id)
    with pytest.raises(ImageUnknown):
        images.object("carol", sha256_of("a"), mine.id)


def test_an_object_of_an_older_version_is_found_by_its_id(images):
    """The newest version is what is shown by default; what an older one found has not gone."""
    images.remember(new_record(), [said("circles@1", found("old"))])
    (old,) = images.objects("alice", sha256_of("a"))

    images.add_predictions("alice", sha256_of("a"), [said("circles@2", found("new"))])

    assert images.object("alice", sha256_of("a"), old.id) == old


def test_what_is_not_there_is_absent(images):
    """An image of nobody or of another, and a model that never saw it; one that saw nothing in it is no such."""
    images.remember(new_record(), [said("blind@1", objects=(), labels=())])

    assert images.objects("alice", sha256_of("a"), model="blind") == []
    assert images.objects("alice", sha256_of("a")) == []
    with pytest.raises(ModelUnknown):
        images.objects("alice", sha256_of("a"), model="circles")
    for ask in (
        lambda: images.image("bob", sha256_of("a")),
        lambda: images.image("alice", sha256_of("b")),
        lambda: images.objects("bob", sha256_of("a")),
        lambda: images.add_predictions("bob", sha256_of("a"), [said()]),
        lambda: images.erase("bob", sha256_of("a")),
    ):
        with pytest.raises(ImageUnknown):
            ask()


def test_an_image_without_predictions_has_no_objects(images):
    """It was only kept: nobody saw anything yet, and that is no error."""
    images.remember(new_record())

    assert images.image("alice", sha256_of("a")).predictions == ()
    assert images.objects("alice", sha256_of("a")) == []


def test_each_owner_has_a_record_of_its_own(db, images):
    """One picture of two owners is two records with two blobs; admins are told both."""
    first = images.remember(new_record(owner="bob", file_name="b.jpg"))
    second = images.remember(new_record(owner="alice", file_name="a.jpg"), [said()])

    assert (first.created, second.created) == (True, True)
    assert first.record.blob_key != second.record.blob_key
    assert images.image("bob", sha256_of("a")).predictions == ()
    assert images.owners_of(sha256_of("a")) == ["alice", "bob"]
    assert images.owners_of(sha256_of("b")) == []


def test_names_are_remembered_once_and_not_without_end(images):
    """A hundred of them, the first seen first; a name that is long is cut, and none is no name."""
    for number in (*range(60), *range(130)):
        images.remember(new_record(file_name=f"{number}.jpg"))
    images.remember(new_record("b", file_name="x" * 3000))
    images.remember(new_record("b", file_name=""))
    images.remember(new_record("b"))

    assert images.image("alice", sha256_of("a")).file_names == tuple(f"{number}.jpg" for number in range(100))
    assert images.image("alice", sha256_of("b")).file_names == ("x" * 1024,)


def test_words_are_those_of_names_and_labels(db, images):
    """Of every stored prediction, also older ones; what no name and no label says any more is no word."""
    images.remember(new_record(file_name="Front view.JPG"), [said("circles@1", found("big circle"))])
    images.add_predictions("alice", sha256_of("a"), [said("circles@2", found("ring"))])
    first = {word for text in ("Front view.JPG", "big circle", "ring") for word in words_of(text)}
    assert words(db, "alice") == first
    assert words(db, "bob") == set()

    images.add_predictions("alice", sha256_of("a"), [said("circles@1", found("square"), prediction="{}")])

    assert words(db, "alice") == {word for text in ("Front view.JPG", "ring", "square") for word in words_of(text)}


def test_labels_that_a_column_cannot_tell_apart_are_one(images):
    """Cut to the column, or, as MySQL has it, with blanks at the end: best score, counted together."""
    long = "l" * 300
    spoken = replace(said(), labels=((f"{long}a", 0.9, 1), (f"{long}b", 0.8, 2), ("ring", 0.5, 1), ("ring ", 0.4, 3)))

    images.remember(new_record(), [spoken])

    assert images.image("alice", sha256_of("a")).predictions[0].labels == (("l" * 255, 0.9, 3), ("ring", 0.5, 4))


def test_a_prediction_that_cannot_be_written_leaves_nothing(db, images):
    """An object breaks in the middle of the transaction: no record, no object, no word; and the next try is whole."""
    broken = replace(said(), objects=(found(), replace(found(), score=None)))

    with pytest.raises(SQLAlchemyError):
        images.remember(new_record(file_name="a.jpg"), [said("rings@1"), broken])

    assert of_images(db) == {name: [] for name in TABLES}
    assert images.remember(new_record(file_name="a.jpg"), [said("circles@1")]).created


def test_a_reader_never_sees_half_of_a_replacement(images):
    """While a prediction is replaced again and again, its objects and labels are always all of one answer."""
    answers = [said("circles@1", *[found(f"label {n}") for _ in range(n)], prediction=f"{n}") for n in (3, 7)]
    images.remember(new_record(), [answers[0]])
    done = threading.Event()

    def replace_them():
        for number in range(60):
            images.add_predictions("alice", sha256_of("a"), [answers[number % 2]])
        done.set()

    seen = set()
    with ThreadPoolExecutor(1) as pool:
        writing = pool.submit(replace_them)
        while not done.is_set() and not writing.done():
            (prediction,) = images.image("alice", sha256_of("a")).predictions
            (label,) = prediction.labels
            seen.add((prediction.prediction, label[0], label[2], prediction.object_count))
            labels = [each.found.label for each in images.objects("alice", sha256_of("a"))]
            seen.add((str(len(labels)), *set(labels), len(labels), len(labels)))
        writing.result()

    assert seen <= {("3", "label 3", 3, 3), ("7", "label 7", 7, 7)}


def test_an_upload_while_the_image_is_erased_makes_a_whole_record(images):
    """Threads that write and erase one picture at once never fail and leave a record that is whole, or none."""
    written = threading.Event()

    def write():
        for number in range(25):
            images.remember(new_record(file_name=f"{number % 3}.jpg"), [said(f"circles@{number % 3}")])

    def erase():
        while not written.is_set():
            with contextlib.suppress(ImageUnknown):
                images.erase("alice", sha256_of("a"))

    with ThreadPoolExecutor(4) as pool:
        erasing = [pool.submit(erase) for _ in range(2)]
        writing = [pool.submit(write) for _ in range(2)]
        wait(writing)
        written.set()
        for each in (*writing, *erasing):
            each.result()
    last = images.remember(new_record(file_name="last.jpg"), [said("circles@9")]).record

    assert last.predictions[0].is_newest
    assert all(each.object_count == 1 for each in last.predictions)
