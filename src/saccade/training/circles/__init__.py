"""The shipped detector of round things: synthetic pictures, a small network, its training, export and measuring."""
