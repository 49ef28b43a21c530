"""Those who are to be called back."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

NUMBERS = ("asked", "due", "expires", "tries")
TEXTS = ("queue", "number", "agent", "call", "talk", "into", "source", "detail")


def upgrade() -> None:
    op.create_table(
        "callbacks",
        sa.Column("id", sa.String(), nullable=False),
        *(sa.Column(name, sa.BigInteger(), nullable=False, autoincrement=False) for name in NUMBERS),
        sa.Column("ended", sa.BigInteger(), nullable=True, autoincrement=False),
        sa.Column("outcome", sa.String(), nullable=True),
        *(sa.Column(name, sa.String(), nullable=False) for name in TEXTS),
        sa.PrimaryKeyConstraint("id", name="pk_callbacks"),
    )
    for column in ("asked", "ended", "number"):
        op.create_index(f"ix_callbacks_{column}", "callbacks", [column])


def downgrade() -> None:
    op.drop_table("callbacks")
