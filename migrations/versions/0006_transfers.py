"""Calls handed on, asked about, and talked of in three."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

TEXTS = "id call agent kind way target outcome detail by"


def upgrade() -> None:
    texts = [sa.Column(name, sa.String(), nullable=False) for name in TEXTS.split()]
    times = [
        sa.Column(name, sa.BigInteger(), nullable=name != "started", autoincrement=False)
        for name in ("started", "answered", "ended")
    ]
    op.create_table("transfers", *texts, *times, sa.PrimaryKeyConstraint("id", name="pk_transfers"))
    for column in ("started", "call"):
        op.create_index(f"ix_transfers_{column}", "transfers", [column])


def downgrade() -> None:
    op.drop_table("transfers")
