"""The shape of the project: what the house style promises and a machine can see."""

import ast
import re
import subprocess
from pathlib import Path

import pytest

from saccade import errors

ROOT = Path(__file__).parents[2]
SOURCES = sorted((ROOT / "src" / "saccade").rglob("*.py"))
TESTS = sorted((ROOT / "tests").rglob("test_*.py"))
MAX_LINES = 400


def name(path):
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("path", SOURCES, ids=name)
def test_source_file_is_short_and_says_what_it_is(path):
    """A file has at most 400 lines and opens with a docstring."""
    text = path.read_text()

    assert text.count("\n") <= MAX_LINES
    assert ast.get_docstring(ast.parse(text))


@pytest.mark.parametrize("path", TESTS, ids=name)
def test_every_test_states_its_promise(path):
    """A test's docstring is the promise that is broken when it fails."""
    silent = [
        node.name
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and node.name.startswith("test_")
        and not ast.get_docstring(node)
    ]

    assert silent == []


def leaves_of(family):
    """Return the errors of a family; what tests make of their own does not count."""
    return [leaf for leaf in family.__subclasses__() if leaf.__module__.startswith(errors.__name__)]


def test_error_tree_in_the_docstring_equals_the_classes():
    """The tree on top of the errors is the truth: same families, same leaves, same order."""
    drawn = re.findall(r"^ *[*x+] (\w+)", errors.__doc__, re.MULTILINE)
    real = [[family.__name__, *(leaf.__name__ for leaf in leaves_of(family))] for family in errors.FAMILIES]

    assert drawn == ["SaccadeError", *(name for family in real for name in family)]


def test_error_codes_are_unique_and_every_leaf_has_a_hint():
    """Clients match on codes, people act on hints."""
    leaves = [leaf for family in errors.FAMILIES for leaf in leaves_of(family)]

    assert len({leaf.code for leaf in leaves}) == len(leaves)
    assert [leaf.__name__ for leaf in leaves if not leaf.default_hint] == []


@pytest.mark.parametrize("lock", sorted((ROOT / "requirements").rglob("*.txt")), ids=name)
def test_lock_names_no_index_no_torch_and_hashes_everything(lock):
    """A lock installs from any index, and what it installs is what was tested."""
    text = lock.read_text()

    assert re.findall(r"index-url|find-links|https?://|^torch==|^file:", text, re.MULTILINE) == []
    blocks = re.split(r"\n(?=[a-z0-9-]+==)", text)[1:]
    assert len(blocks) > 20
    assert [block.split()[0] for block in blocks if "--hash=sha256:" not in block] == []


def test_locks_agree_on_every_version():
    """A package has one version in all locks, so that what was tested is what is served."""
    versions = {}
    for lock in (ROOT / "requirements").glob("*.txt"):
        for line in re.findall(r"^([a-z0-9-]+==[^ ]+(?: ; [^\\\n]+)?)", lock.read_text(), re.MULTILINE):
            package, _, rest = line.partition("==")
            versions.setdefault((package, rest.partition(" ; ")[2].strip()), set()).add(rest.split(" ")[0])

    assert {key: found for key, found in versions.items() if len(found) > 1} == {}


def tracked_files():
    """Return what belongs to the project: tracked files and new ones that are not ignored."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    listing = subprocess.run(command, cwd=ROOT, capture_output=True, check=False).stdout.decode()
    return [ROOT / entry for entry in listing.split("\0") if entry and (ROOT / entry).is_file()]


def test_no_tracked_file_names_a_machine():
    """No path of somebody's machine and no address of a package index stands in the project."""
    home = re.compile(rb"/(?:root|home)/\w|/wor[k]/|/tmp/\w+/\w|index-url[ =]+\S*//|find-links[ =]")
    found = [
        (name(path), match.group())
        for path in tracked_files()
        if path.suffix in {".py", ".md", ".toml", ".txt", ".sh", ".yaml", ".yml", ".json", ""}
        and path != Path(__file__)
        for match in [home.search(path.read_bytes())]
        if match
    ]

    assert found == []


def test_no_tracked_file_is_huge():
    """A repository is cloned by everybody; nothing in it is larger than 2.5 MB."""
    assert [name(path) for path in tracked_files() if path.stat().st_size > 2_500_000] == []


def test_readme_tree_equals_the_folders():
    """The README ends with the tree, one line per folder, and the tree is true."""
    drawn = set(re.findall(r"^[│├└─ ]+ (\w+)/ ", (ROOT / "README.md").read_text(), re.MULTILINE))
    real = {path.name for path in (ROOT / "src" / "saccade").iterdir() if path.is_dir() and path.name != "__pycache__"}

    assert real - drawn == set()


def test_every_decision_is_listed_and_names_its_enforcement():
    """A decision without enforcement is a wish."""
    folder = ROOT / "docs" / "decisions"
    index = (folder / "README.md").read_text()
    pages = sorted(path for path in folder.glob("[0-9]*.md"))

    assert [path.name for path in pages if path.name not in index] == []
    assert [path.name for path in pages if "**Enforced by.**" not in path.read_text()] == []


def test_links_between_pages_lead_somewhere():
    """A relative link in a page points at a file that exists."""
    broken = [
        (name(page), target)
        for page in [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]
        for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", page.read_text())
        if "://" not in target and not (page.parent / target).exists()
    ]

    assert broken == []
