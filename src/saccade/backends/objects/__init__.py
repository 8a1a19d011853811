"""Objects: a folder, S3 and its kin, memory for tests. See ``jobs.ports``."""
