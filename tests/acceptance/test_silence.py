"""A server that promises to need no network makes no connection of its own, and writes only where it said."""

import subprocess
import sys
from pathlib import Path

import httpx2
import psutil

SAMPLE = next((Path(__file__).parents[2] / "samples" / "circles").glob("*.jpg"))


def test_server_opens_no_connection_and_writes_only_at_home(start_server, tmp_path):
    """After answers from both shipped models, the only sockets are the listening one and the client's."""
    cache, scratch = tmp_path / "cache", tmp_path / "scratch"
    scratch.mkdir()
    settings = {"XDG_CACHE_HOME": str(cache), "TMPDIR": str(scratch)}
    server = start_server(home=tmp_path, settings=settings)
    for model in ("circles", "sem-textures"):
        assert httpx2.post(f"{server.url}/v1/models/{model}/predict", content=SAMPLE.read_bytes()).status_code == 200
    family = [psutil.Process(server.pid), *psutil.Process(server.pid).children(recursive=True)]
    outside = [
        connection
        for process in family
        for connection in process.net_connections("inet")
        if connection.raddr and connection.raddr.ip not in {"127.0.0.1", "::1"}
    ]
    written = {path.relative_to(tmp_path).parts[0] for path in tmp_path.rglob("*") if path.is_file()}

    assert outside == []
    assert written <= {"server.log", "saccade"}


def test_the_engine_does_not_call_home(tmp_path):
    """ONNX Runtime's event database, which its wheels keep and send, is never made."""
    program = "from saccade.backends.engines.onnxruntime import silent_onnxruntime as s; s().InferenceSession"
    environment = {"HOME": str(tmp_path), "TMPDIR": str(tmp_path), "PATH": ""}
    subprocess.run([sys.executable, "-c", program], env=environment, check=True)

    assert list(tmp_path.rglob("*")) == []
