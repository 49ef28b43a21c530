"""The ledger, the journal of events, the snapshot of each cell and small facts about ourselves."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

# columns by kind: text, number, and the two that may be empty; then the indexes
TABLES: dict[str, dict[str, str]] = {
    "calls": {
        "text": "id node direction caller caller_name number generation language path ended_in ended_by",
        "number": "started cause_code",
        "number?": "answered ended",
        "indexes": "started ended caller",
    },
    "segments": {
        "text": "id call kind queue agent detail",
        "number": "n started",
        "number?": "ended",
        "indexes": "call",
    },
    "visits": {
        "text": "id call queue agent ended_by engine",
        "text?": "outcome",
        "number": "entered priority offers position",
        "number?": "ended answered talk_ended",
        "indexes": "entered ended,entered talk_ended call",
    },
    "offers": {
        "text": "id visit call queue agent",
        "text?": "outcome",
        "number": "offered",
        "number?": "answered ended",
        "indexes": "offered call",
    },
    "agent_states": {
        "text": "id agent presence reason queue call cause",
        "number": "started",
        "number?": "ended",
        "indexes": "started ended,started agent,started call",
    },
    "recordings": {
        "text": "id call visit queue agent path failed",
        "number": "started",
        "number?": "ended",
        "indexes": "started call",
    },
    "watches": {
        "text": "id supervisor agent call mode",
        "number": "started",
        "number?": "ended",
        "indexes": "started ended,started",
    },
}
KINDS = {"text": sa.String(), "number": sa.BigInteger()}


def upgrade() -> None:
    for table, parts in TABLES.items():
        columns = [
            sa.Column(name, kind, nullable=nullable, autoincrement=False)
            for word, kind in KINDS.items()
            for nullable in (False, True)
            for name in parts.get(word + ("?" if nullable else ""), "").split()
        ]
        op.create_table(table, *columns, sa.PrimaryKeyConstraint("id", name=f"pk_{table}"))
        for index in parts["indexes"].split():
            fields = index.split(",")
            op.create_index(f"ix_{table}_{'_'.join(fields)}", table, fields)
    _create_own()


def _create_own() -> None:
    seq = sa.Column("seq", sa.BigInteger(), nullable=False, autoincrement=False)
    at = sa.Column("at", sa.BigInteger(), nullable=False)
    body = sa.Column("body", sa.LargeBinary(), nullable=False)
    kind = sa.Column("type", sa.String(), nullable=False)
    op.create_table("journal", seq, at, kind, body, sa.PrimaryKeyConstraint("seq", name="pk_journal"))
    op.create_table(
        "snapshots",
        sa.Column("cell", sa.String(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("cell", name="pk_snapshots"),
    )
    op.create_table(
        "meta",
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("value", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("key", name="pk_meta"),
    )


def downgrade() -> None:
    for table in [*TABLES, "journal", "snapshots", "meta"]:
        op.drop_table(table)
