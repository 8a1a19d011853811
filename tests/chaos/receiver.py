"""What the servers find outside: an address that takes webhooks, and one that has pictures."""

from __future__ import annotations

import re
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from chaos.journal import Journal
from chaos.pictures import picture, serial_of

_ID = re.compile(rb"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")


class Receiver:
    """A server on loopback that takes every webhook and has every picture."""

    def __init__(self, journal: Journal) -> None:
        """Listen on a free port."""

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                for job_id in set(_ID.findall(body)):
                    journal.write("webhook", job_id=job_id.decode(), id=self.headers.get("webhook-id"))
                self.send_response(204)
                self.end_headers()

            def do_GET(self) -> None:
                data = picture(serial_of(self.path.rpartition("/")[2])[1])
                self.send_response(200)
                self.send_header("Content-Type", "image/png")
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, *_: object) -> None:
                return

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.port = int(self._server.server_address[1])
        threading.Thread(target=self._server.serve_forever, name="receiver", daemon=True).start()

    @property
    def url(self) -> str:
        """What a job gives as its webhook."""
        return f"http://127.0.0.1:{self.port}/ended"

    @property
    def picture_url(self) -> str:
        """Where pictures lie, by their file name."""
        return f"http://127.0.0.1:{self.port}/pictures"

    def close(self) -> None:
        """Stop listening."""
        self._server.shutdown()
        self._server.server_close()
