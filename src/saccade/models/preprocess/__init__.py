"""From an upright RGB picture to the tensors a graph wants: exact rules, one small step each."""
