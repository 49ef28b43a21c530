"""What a replay is held against: a fingerprint of what each event led to, and worlds kept now and then."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("journal", sa.Column("made", sa.LargeBinary()))
    op.create_table(
        "kept_worlds",
        sa.Column("seq", sa.BigInteger(), nullable=False, autoincrement=False),
        sa.Column("at", sa.BigInteger(), nullable=False, autoincrement=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("seq", name="pk_kept_worlds"),
    )


def downgrade() -> None:
    op.drop_table("kept_worlds")
    with op.batch_alter_table("journal") as batch:
        batch.drop_column("made")
