"""The usage report in a real browser: on a desk and on a phone, by day and by night, whatever people are called."""

import http.server
import json
import threading

import pytest

from browser import browse, text_of
from saccade.usage.html.page import report_to_html
from unit.usage.ledger import FakeLedger, report_of

FRAME = """<!DOCTYPE html>
<iframe id="page" src="/report" style="width: WIDTHpx; height: 900px; border: 0"></iframe>
<p id="seen"></p>
<script>
  onload = () => {
    const view = page.contentWindow, root = page.contentDocument.documentElement;
    const isScrolled = (each) => each.closest(".scroll") && each.closest(".scroll") !== each;
    const isHidden = (each) => each.closest(".hidden, svg") || view.getComputedStyle(each).display === "none";
    const beyond = [...root.querySelectorAll("body *")].filter(
      (each) => each.getBoundingClientRect().right > root.clientWidth + 1 && !isScrolled(each) && !isHidden(each));
    seen.textContent = JSON.stringify({
      excess: root.scrollWidth - root.clientWidth,
      beyond: beyond.map((each) => each.tagName + "." + each.className),
      paper: view.getComputedStyle(page.contentDocument.body).backgroundColor,
      ink: view.getComputedStyle(page.contentDocument.body).color,
      fetched: view.performance.getEntriesByType("resource").length,
      cards: root.querySelectorAll("h2").length,
    });
  };
</script>
"""
NAMES = ("Ada", "jo" * 60, "somebody-with-a-name-that-goes-on-and-on", "<b>bold</b>", "يوسف الخطيب")
DARK = "--blink-settings=preferredColorScheme=0"


@pytest.fixture
def look():
    """Return a function that shows a browser the page at a width, and returns what it made of it."""
    sites = []

    def open_page(report, width_px, *options):
        pages = {"/": FRAME.replace("WIDTH", str(width_px)), "/report": report}

        class Site(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                page = pages.get(self.path, "").encode()
                self.send_response(200 if page else 404)
                self.send_header("Content-Type", "text/html; charset=utf-8")
                self.end_headers()
                self.wfile.write(page)

            def log_message(self, *_):
                pass

        site = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Site)
        sites.append(site)
        threading.Thread(target=site.serve_forever, daemon=True).start()
        return json.loads(text_of(browse(f"http://127.0.0.1:{site.server_port}/", *options), "seen"))

    yield open_page
    for site in sites:
        site.shutdown()
        site.server_close()


def brightness(colour):
    """Return how bright a computed colour is, 0..1."""
    return sum(int(part) for part in colour.removeprefix("rgb(").rstrip(")").split(",")[:3]) / (3 * 255)


@pytest.mark.slow
@pytest.mark.parametrize("width_px", [360, 390, 768, 1280])
def test_nothing_sticks_out(look, width_px):
    """No card is wider than the screen, however long names are; nothing is asked of anybody."""
    report = report_of(FakeLedger(names=NAMES, models=("circles@1", "a-model-with-a-very-long-name" * 3)))
    seen = look(report_to_html(report), width_px)

    assert (seen["excess"], seen["beyond"], seen["fetched"]) == (0, [], 0)
    assert seen["cards"] >= 9


@pytest.mark.slow
def test_it_is_dark_where_people_want_it_dark(look):
    """Dark ink on light paper by day; the other way round by night."""
    report = report_to_html(report_of(FakeLedger()))
    day, night = look(report, 1280), look(report, 1280, DARK)

    assert brightness(day["paper"]) - brightness(day["ink"]) > 0.7
    assert brightness(night["ink"]) - brightness(night["paper"]) > 0.7
