"""How the shipped models are made, from synthetic pictures: generators, networks, training, export, measuring."""
