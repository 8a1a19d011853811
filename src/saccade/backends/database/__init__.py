"""One schema on SQLite, PostgreSQL and MariaDB or MySQL: the tables, the migrations, and jobs' ports over them."""
