"""Second things tried, by number."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "7d13f0a4c62e"
down_revision: str | None = "b7d2f40c9e15"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    op.create_table(
        "second_try",
        sa.Column("try_id", sa.UUID(), nullable=False),
        sa.Column("phone_token", sa.LargeBinary(), nullable=False),
        sa.Column("tried_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("try_id", name=op.f("pk_second_try")),
        schema="hub",
    )
    op.create_index("ix_second_try_phone_token", "second_try", ["phone_token", "tried_at"], unique=False, schema="hub")
    op.create_index("ix_second_try_tried_at", "second_try", ["tried_at"], unique=False, schema="hub")


def downgrade() -> None:
    op.drop_index("ix_second_try_tried_at", table_name="second_try", schema="hub")
    op.drop_index("ix_second_try_phone_token", table_name="second_try", schema="hub")
    op.drop_table("second_try", schema="hub")
