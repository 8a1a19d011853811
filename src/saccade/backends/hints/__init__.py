"""Hints: memory of this process, Redis and RabbitMQ. A hint carries an item id and no truth; see ``jobs.ports``."""
