"""Fixtures of the conformance suites: the services that are lent to them."""

from conformance.stores import db, opened, sqlite_url, store
from services import mariadb_url, postgres_url, rabbitmq_url, redis_url, s3_url

__all__ = ["db", "mariadb_url", "opened", "postgres_url", "rabbitmq_url", "redis_url", "s3_url", "sqlite_url", "store"]
