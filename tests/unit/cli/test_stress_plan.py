"""What a stress run is to do: kinds, users and pictures in turn, and where users' secrets come from."""

import io
from collections import Counter

import pytest
from PIL import Image

from saccade.cli.stress_plan import ANONYMOUS, Mode, Picture, Plan, User, names_of, read_pictures, read_tokens
from saccade.errors import ParameterInvalid

SECRET = "sac_0123_very-secret"


def plan(**values):
    given = {"users": [ANONYMOUS], "pictures": [Picture("a.png", b"a"), Picture("b.png", b"b")], **values}
    return Plan(**{"model": "m", "mode": Mode.MIXED, "requests": 18, "concurrency": 2, **given})


class TestErrands:
    """Which request does what."""

    def test_each_user_gets_each_kind(self):
        """Also when there are as many users as kinds."""
        asked = plan(users=[User(name) for name in "abc"])

        counted = Counter((errand.user.name, errand.mode) for errand in map(asked.errand, range(18)))

        assert len(counted) == 9
        assert set(counted.values()) == {2}
        assert Mode.MIXED not in {mode for _, mode in counted}

    def test_one_mode_is_one_kind(self):
        """Nothing else is sent."""
        asked = plan(mode=Mode.STATUS)

        assert {asked.errand(number).mode for number in range(6)} == {Mode.STATUS}

    def test_no_two_requests_are_the_same(self):
        """Neither within a run nor between runs, so that no cache and no Idempotency-Key answers for another."""
        errands = [asked.errand(number) for asked in (plan(), plan()) for number in range(18)]

        assert len({errand.key for errand in errands}) == 36
        assert len({errand.picture.data for errand in errands}) == 36

    @pytest.mark.parametrize("written", ["JPEG", "PNG", "WEBP", "TIFF", "BMP", "GIF"])
    def test_unique_picture_is_still_the_picture(self, written):
        """What is added is behind its end, in every format."""
        from saccade.images.intake import take
        from saccade.images.limits import Limits

        stream = io.BytesIO()
        Image.new("RGB", (20, 10), (200, 30, 60)).save(stream, written)
        sent = plan(pictures=[Picture("a", stream.getvalue())]).errand(0).picture

        before, after = take(stream.getvalue(), Limits()), take(sent.data, Limits())

        assert before.id != after.id
        assert (before.rgb == after.rgb).all()


class TestUsers:
    """Who sends, and with what."""

    def test_names_are_taken_once_in_order(self):
        """Blanks around them do not count."""
        assert names_of(" bob, alice,,bob ") == ["bob", "alice"]

    def test_no_names_are_told(self):
        """Commas alone name nobody."""
        with pytest.raises(ParameterInvalid):
            names_of(" , ")

    def test_file_has_a_name_and_a_token_a_line(self, tmp_path):
        """Comments and blank lines do not count, and --users chooses."""
        path = tmp_path / "tokens"
        path.write_text(f"# for trying out\n\nalice {SECRET}\n  bob\tother\n")

        assert read_tokens(path) == [User("alice", SECRET), User("bob", "other")]
        assert read_tokens(path, ["bob"]) == [User("bob", "other")]

    @pytest.mark.parametrize(
        "text",
        ["", "# nobody\n", SECRET, f"alice {SECRET} more", f"alice {SECRET}é", f"alice {SECRET}\x07"],
    )
    def test_file_that_is_something_else_is_told_without_its_secrets(self, tmp_path, text):
        """The line is named by its number."""
        path = tmp_path / "tokens"
        path.write_text(text)

        with pytest.raises(ParameterInvalid) as caught:
            read_tokens(path)

        assert SECRET not in f"{caught.value} {caught.value.hint}"

    def test_user_without_a_token_is_told(self, tmp_path):
        """Before anything is sent."""
        path = tmp_path / "tokens"
        path.write_text(f"alice {SECRET}\n")

        with pytest.raises(ParameterInvalid, match="no token of bob"):
            read_tokens(path, ["alice", "bob"])

    def test_secret_stands_in_no_repr(self):
        """So it gets into no trace."""
        user = User("alice", SECRET)

        assert SECRET not in repr(user)
        assert SECRET not in repr(plan(users=[user]).errand(0))
        assert user.headers == {"Authorization": f"Bearer {SECRET}"}
        assert ANONYMOUS.headers == {}


def test_pictures_of_a_folder_are_read(tmp_path):
    """As they are, by name; a folder without any is told."""
    (tmp_path / "b.png").write_bytes(b"2")
    (tmp_path / "a.jpg").write_bytes(b"1")

    assert read_pictures(tmp_path) == [Picture("a.jpg", b"1"), Picture("b.png", b"2")]
    (tmp_path / "below").mkdir()
    with pytest.raises(ParameterInvalid):
        read_pictures(tmp_path / "below")
