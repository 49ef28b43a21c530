"""Pauses of agents for one queue."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    texts = [sa.Column(name, sa.String(), nullable=False) for name in "id agent queue".split()]
    times = [
        sa.Column("started", sa.BigInteger(), nullable=False, autoincrement=False),
        sa.Column("ended", sa.BigInteger(), nullable=True, autoincrement=False),
    ]
    more = [sa.Column(name, sa.String(), nullable=False) for name in "reason cause".split()]
    key = sa.PrimaryKeyConstraint("id", name="pk_queue_pauses")
    op.create_table("queue_pauses", *texts, *times, *more, key)
    op.create_index("ix_queue_pauses_started", "queue_pauses", ["started"])
    op.create_index("ix_queue_pauses_agent_started", "queue_pauses", ["agent", "started"])


def downgrade() -> None:
    op.drop_table("queue_pauses")
