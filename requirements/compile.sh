#!/bin/sh
# Rewrite the locks: universal, hashed, naming no index. Core and train are compiled under the constraint of dev,
# so that a package has one version everywhere. Torch is in none of them: `make train` installs it.
set -eu
cd "$(dirname "$0")/.."
pinned() { uv pip compile --quiet --universal --generate-hashes --python-version 3.11 \
    --custom-compile-command requirements/compile.sh "$@"; }
compile() { pinned pyproject.toml "$@"; }
compile --extra hub --extra postgres --extra mysql --extra redis --extra amqp --extra eval --extra grpc --extra zero-shot --group build --group dev --output-file requirements/dev.txt
compile --constraint requirements/dev.txt --group build --output-file requirements/core.txt
compile --constraint requirements/dev.txt --extra train --extra export --group build --output-file requirements/train.txt
# The examples run apart from Saccade, in environments that share no version with it: kserve holds psutil and protobuf back.
for example in bento kserve; do
    pinned "requirements/examples/$example.in" --output-file "requirements/examples/$example.txt"
done
