"""Run by Alembic: one connection of our own engine, batch mode so that SQLite can alter tables."""

from alembic import context

from api.db import connect
from procurement.models import Base

database = connect(context.config.attributes["url"])
try:
    with database.write.connect() as connection:
        context.configure(
            connection=connection, target_metadata=Base.metadata, render_as_batch=True, compare_type=False
        )
        with context.begin_transaction():
            context.run_migrations()
        connection.commit()
finally:
    database.dispose()
