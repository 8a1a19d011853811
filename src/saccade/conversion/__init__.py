"""From torch checkpoints to packages: read, export, compare, write. A step of the operator's, in the extra `export`.

Nothing of the server imports this, and nothing here runs code that comes with a checkpoint.
"""
