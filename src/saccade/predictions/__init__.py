"""Predictions: intake, predict and cache for one request; what routes, faces and the CLI all call."""
