"""Rows of a site's tables out of a foreign database: read once, whole, when a site is read."""

from sqlalchemy import create_engine, text
from sqlalchemy.exc import ArgumentError, NoSuchModuleError, SQLAlchemyError

from ccctl.flow.values import Wrong

Answer = tuple[tuple[str, ...], list[tuple[str, ...]]]


def read_rows(address: str, sql: str, most: int) -> Answer | Wrong:
    """Columns and rows as texts. What is wrong never holds the address, which may have a password."""
    try:
        engine = create_engine(address)
    except (ArgumentError, NoSuchModuleError, ImportError):
        hint = "write for example sqlite:////var/lib/crm.db or postgresql+psycopg://reader:...@db/crm"
        return Wrong("the secret of database is no address that SQLAlchemy knows", hint)
    try:
        with engine.connect() as connection:
            found = connection.execute(text(sql))
            rows = found.fetchmany(most + 1)
            columns = tuple(found.keys())
    except (SQLAlchemyError, ImportError) as error:
        why = str(getattr(error, "orig", None) or type(error).__name__).splitlines()[0]
        return Wrong(f"the table cannot be read from its database: {why}", "look at sql and database")
    finally:
        engine.dispose()
    if len(rows) > most:
        return Wrong(f"the query answers with more than {most} rows", "select fewer")
    return columns, [tuple("" if cell is None else str(cell) for cell in row) for row in rows]
