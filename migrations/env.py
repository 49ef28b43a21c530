"""Runs the migrations on the connection that ccctl.store.db gives; there is no alembic.ini."""

from alembic import context

from ccctl.store.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    render_as_batch=True,
    compare_type=True,
)
with context.begin_transaction():
    context.run_migrations()
