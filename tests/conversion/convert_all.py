"""Converts what ``checkpoints.py`` made, each by its own command line; prints what the commands printed, as JSON.

Run by an interpreter that has torch and the extra `export`: ``python tests/conversion/convert_all.py FOLDER MODELS``,
with the hub's cache in FOLDER and no network: ``HF_HUB_CACHE=FOLDER/hub HF_HUB_OFFLINE=1``.
"""

from __future__ import annotations

import contextlib
import io
import json
import sys
from pathlib import Path

from checkpoints import LONE

from saccade.cli.main import app


def run(*words: str) -> dict[str, object]:
    """Run one command in this process: importing torch takes longer than most of them."""
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        app(["models", "convert", *words, "--json"], standalone_mode=False)
    return json.loads(printed.getvalue())


def main() -> None:
    """Convert into the models folder; one of the hub's, and one into a folder of its own."""
    folder, models = Path(sys.argv[1]), sys.argv[2]
    labels = ["--labels", str(folder / "classes.txt")]
    made = {
        "hub": run("hf:org/tiny-vit@main", "--name", "from-hub", "--version", "2", "--models", models),
        "tiny-vit": run(str(folder / "tiny-vit"), "--output", str(folder / "out" / "tiny-vit@7")),
        "tiny-owlvit": run(str(folder / "tiny-owlvit"), "--models", models),
        **{
            name.partition(".")[0]: run(
                str(folder / name), "--models", models, "--name", name.partition(".")[0].replace("_", "-"), *labels
            )
            for name in LONE
        },
    }
    sys.stdout.write(json.dumps(made))


if __name__ == "__main__":
    main()
