"""A model that finds nothing and takes its time with each picture, for tests that watch jobs while they run."""

_SOURCE = '''
import time


class Slow:
    """Finds nothing, slowly."""

    task = "image-classification"
    labels = ("nothing",)
    version = "1"

    def load(self):
        pass

    def predict(self, images):
        time.sleep({seconds} * len(images))
        return [[{{"label": "nothing", "score": 1.0}}] for _ in images]
'''


def slow_plug_in(seconds: float) -> str:
    """Return the text of a plug-in named ``slow`` that takes that many seconds a picture."""
    return _SOURCE.format(seconds=seconds)
