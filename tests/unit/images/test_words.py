"""Words of names and labels, and of what is looked for in them."""

import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from saccade.errors import ParameterInvalid
from saccade.images.words import EXTENSIONS, MOST_CHARACTERS, MOST_SEARCHED, MOST_WORDS, query_words, words_of

#: Any text at all, lone surrogates among it.
ANY_TEXT = st.text(st.characters(), max_size=60)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("IMG_0042.jpg", ("img", "0042")),
        ("coin-3.png", ("coin", "3")),
        ("grain boundary", ("grain", "boundary")),
        ("coin3.PNG", ("coin3", "coin", "3")),
        ("100nm-x2a.tif", ("100nm", "100", "nm", "x2a", "x", "2", "a")),
        ("d41d8cd9-8f00.tiff", ("d41d8cd9", "8f00", "8", "f", "00")),
        ("a.png.zip", ("a", "png", "zip")),
        ("png", ("png",)),
        (".png", ("png",)),
        ("a b a", ("a", "b")),
        ("Straße ﬁlm Ⅷ x²", ("strasse", "film", "viii", "x2", "x", "2")),
        ("e\u0301te\u0301", ("été",)),
        ("हिन्दी", ("हिन्दी",)),
        ("粒界写真.jpg", ("粒界写真",)),
        ("C:\\pics\\a.bmp", ("c", "pics", "a")),
        ("50% _*' \"; --", ("50",)),
        ("❤\ufe0f 🪙", ()),
        ("\0a\ud800b\n", ("a", "b")),
        ("", ()),
    ],
)
def test_words_of_a_name(text, expected):
    """Runs of letters and digits, in one form for all spellings, with the pieces of simple ones."""
    assert expected == words_of(text)


@pytest.mark.parametrize("ending", EXTENSIONS)
def test_the_ending_of_an_image_file_is_no_word(ending):
    """Where it is the last part, and only there."""
    assert ("a",) == words_of(f"a.{ending}") == words_of(f"a.{ending.upper()} ")
    assert ("a", ending, "b") == words_of(f"a.{ending} b")


def test_long_words_are_cut_and_many_are_dropped():
    """No word is longer than its column, and no name brings more words than are kept."""
    assert ("x" * MOST_CHARACTERS,) == words_of("x" * 10_000)
    assert MOST_WORDS == len(words_of(" ".join(f"w{number}" for number in range(1000))))


@given(ANY_TEXT)
@example("\u0345\u1fb3\u0130")
def test_words_are_plain_whatever_is_sent(text):
    """Words are short, different, of letters, digits and marks alone, and their own words again."""
    words = words_of(text)

    assert len(set(words)) == len(words) <= MOST_WORDS
    for word in words:
        assert 0 < len(word) <= MOST_CHARACTERS
        assert all(each.isalnum() or unicodedata.category(each) in {"Mn", "Mc"} for each in word)
        assert word.encode()
        assert word == words_of(word)[0]


@given(ANY_TEXT)
def test_a_name_is_found_by_itself(text):
    """Each word that is looked for when somebody looks for a whole name is one of the name's."""
    try:
        wanted = query_words(text.replace("*", " "))
    except ParameterInvalid:
        return

    assert set(wanted) <= set(words_of(text))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Coin*", ("coin*",)),
        ("co** x co*", ("co*", "x")),
        ("ab*cd", ("ab*", "cd")),
        ("coin3", ("coin3",)),
        ("IMG_0042.jpg", ("img", "0042")),
        ("coin-3.png*", ("coin", "3")),
        ("old.png boundary", ("old", "boundary")),
        ("ﬁ\uff0a", ("fi*",)),
        ("x" * 70 + "*", ("x" * MOST_CHARACTERS,)),
        ("", ()),
        (" \n", ()),
    ],
)
def test_words_that_are_looked_for(text, expected):
    """A run of letters and digits is one word; a star behind it makes it a beginning; a file's name finds the file."""
    assert expected == query_words(text)


@pytest.mark.parametrize(
    "text", ["a*", "*", "coin *", "%", "_", "'", "🪙", "\ud800", "\0", " ".join(map(str, range(99)))]
)
def test_what_cannot_be_looked_for_is_refused(text):
    """Too short a beginning, nothing but signs, or more words than a search has."""
    with pytest.raises(ParameterInvalid):
        query_words(text)


def test_as_many_words_as_a_search_has():
    """The last word that is allowed is looked for."""
    assert MOST_SEARCHED == len(query_words(" ".join(f"w{number}" for number in range(MOST_SEARCHED))))
