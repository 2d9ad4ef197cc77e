"""Find who holds anything for a consent alone without reading every value: the job looks at them each day."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "b7d1f0a94c35"
down_revision: str | None = "d41a7be0935c"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    op.create_index(
        "ix_profile_value_consented",
        "profile_value",
        ["member_id"],
        unique=False,
        schema="hub",
        postgresql_where=sa.text("collected_for IS NOT NULL"),
    )


def downgrade() -> None:
    op.drop_index(
        "ix_profile_value_consented",
        table_name="profile_value",
        schema="hub",
        postgresql_where=sa.text("collected_for IS NOT NULL"),
    )
