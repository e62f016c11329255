"""Run by Alembic: one connection of our own engine, batch mode so that SQLite can alter tables."""

from alembic import context
from sqlalchemy import Connection

from api.db import connect
from procurement.models import Base


def run(connection: Connection) -> None:
    """One transaction for all the revisions. SQLite makes a changed table anew: its keys are checked at the end."""
    sqlite = connection.dialect.name == "sqlite"
    if sqlite:  # without effect inside a transaction, so before SQLAlchemy begins one
        connection.connection.driver_connection.execute("PRAGMA foreign_keys=OFF")
    context.configure(
        connection=connection,
        target_metadata=Base.metadata,
        render_as_batch=True,
        compare_type=True,
        transactional_ddl=True,
    )
    with context.begin_transaction():
        context.run_migrations()
        if sqlite and (broken := connection.exec_driver_sql("PRAGMA foreign_key_check").first()):
            raise RuntimeError(f"a row of {broken[0]} points to a row of {broken[2]} that is gone")


database = connect(context.config.attributes["url"])
try:
    with database.write.connect() as connection:
        run(connection)
finally:
    database.dispose()
