"""An evaluation as one HTML file: no script, nothing loaded from elsewhere, every text of a stranger escaped."""
