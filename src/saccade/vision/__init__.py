"""Pure functions on arrays: no file, no network, no model, no setting."""
