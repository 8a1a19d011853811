"""An open server and a real browser: pages of other sites reach nothing, whatever they try; allowed pages do."""

import http.server
import json
import threading

import httpx2
import pytest

from browser import browse, text_of

#: Tries every way in which a page can make its visitor's browser send something, and writes down what it could read.
PAGE = """<!DOCTYPE html>
<meta charset="utf-8"><title>A page of another site</title>
<pre id="seen">nothing yet</pre>
<iframe name="away" hidden></iframe>
<form id="form" method="post" enctype="text/plain" target="away" action="{server}/v1/models/dummy/unload">
<input name="a"></form>
<img src="{server}/v1/models/dummy">
<script>
const server = "{server}";
const picture = Uint8Array.from(atob("{picture}"), c => c.charCodeAt(0));
async function attempt(name, path, options) {{
  try {{
    const answer = await fetch(server + path, options);
    return [name, answer.type + " " + answer.status + " " + (await answer.text()).slice(0, 60)];
  }} catch (failure) {{
    return [name, "failed"];
  }}
}}
document.getElementById("form").submit();
Promise.all([
  attempt("read", "/v1/models", {{}}),
  attempt("read blindly", "/v1/models", {{mode: "no-cors"}}),
  attempt("predict blindly", "/v1/models/dummy/predict", {{method: "POST", mode: "no-cors", body: picture}}),
  attempt("predict", "/v1/models/dummy/predict", {{method: "POST", body: picture}}),
  attempt("unload", "/v1/models/dummy/unload", {{method: "POST", mode: "no-cors"}}),
  attempt("user", "/v1/users", {{method: "POST", headers: {{"content-type": "application/json"}}, body: "{{}}"}}),
]).then(seen => {{ document.getElementById("seen").textContent = JSON.stringify(Object.fromEntries(seen)); }});
</script>
"""

PNG = "iVBORw0KGgoAAAANSUhEUgAAAAgAAAAICAIAAABLbSncAAAAFElEQVR4nGM8wcXFgA0wYRUdtBIAse4A7AgtPbsAAAAASUVORK5CYII="


class Site(http.server.BaseHTTPRequestHandler):
    """Another site: one page."""

    page = b""

    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.end_headers()
        self.wfile.write(self.page)

    def log_message(self, *_):
        pass


@pytest.fixture
def visit():
    """Return a function that shows a browser the page of another origin, and returns what the page could read."""
    sites = []

    def open_page(server, *, settings=None):
        class Attacker(Site):
            page = PAGE.format(server=server, picture=PNG).encode()

        site = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Attacker)
        sites.append(site)
        threading.Thread(target=site.serve_forever, daemon=True).start()
        page = browse(f"http://127.0.0.1:{site.server_port}/", settle_ms=8000)
        return json.loads(text_of(page, "seen")), site.server_port

    yield open_page
    for site in sites:
        site.shutdown()
        site.server_close()


def counts(server):
    """Return what the server's own metrics say was done."""
    text = httpx2.get(f"{server}/metrics").text
    done = [line for line in text.splitlines() if line.startswith("saccade_predictions_total")]
    refused = [line for line in text.splitlines() if line.startswith('saccade_refusals_total{code="origin_refused"}')]
    return done, float(refused[0].split()[-1]) if refused else 0.0


@pytest.mark.slow
def test_page_of_another_site_reaches_nothing(start_server, visit):
    """No prediction, no unload, nothing read: by fetch, blindly, by a form, or through a picture."""
    server = start_server().url
    seen, _ = visit(server)

    assert set(seen) == {"read", "read blindly", "predict blindly", "predict", "unload", "user"}
    assert all(what == "failed" or what.startswith("opaque 0") for what in seen.values()), seen
    done, refused = counts(server)
    assert done == []
    assert refused >= 6
    assert httpx2.get(f"{server}/v1/models/dummy").json()["state"] == "ready"


@pytest.mark.slow
def test_page_of_an_allowed_origin_is_served(start_server, visit):
    """The operator may allow a page; so the refusals above are the guard's, and not the browser's alone."""
    server = start_server(settings={"SACCADE_SERVER_CORS_ORIGINS": "*"}).url
    seen, _ = visit(server)

    assert seen["read"].startswith("cors 200")
    assert seen["predict"].startswith("cors 200"), seen
