"""What callers answer: surveys, messages, consent, wishes to be called back."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    texts = [
        sa.Column(name, sa.String(), nullable=False) for name in "id call kind name question value".split()
    ]
    at = sa.Column("at", sa.BigInteger(), nullable=False, autoincrement=False)
    op.create_table("answers", *texts, at, sa.PrimaryKeyConstraint("id", name="pk_answers"))
    for column in ("at", "call"):
        op.create_index(f"ix_answers_{column}", "answers", [column])


def downgrade() -> None:
    op.drop_table("answers")
