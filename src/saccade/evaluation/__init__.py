"""Evaluation of what is served: pictures with known truth, what models say of them, and figures of how well they do."""
