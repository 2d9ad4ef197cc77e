"""Where each history of consent ends, under a key: events that are taken away from its end are missed.

No released hub has events without a head; a history that was begun before this counts as tampered with.
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "e4a9c61d7b02"
down_revision: str | None = "167d31603c62"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    op.create_table(
        "consent_head",
        sa.Column("member_id", sa.UUID(), nullable=False),
        sa.Column("sequence", sa.Integer(), nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.Column("mac", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("member_id", name=op.f("pk_consent_head")),
        schema="hub",
    )


def downgrade() -> None:
    op.drop_table("consent_head", schema="hub")
