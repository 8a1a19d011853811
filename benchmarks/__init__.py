"""Measurements, run by name and never by the tests: ratios within one run, with the configuration printed."""
