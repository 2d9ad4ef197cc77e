"""A guardian's link is found by its own id: staff who confirm it and jobs that end it know nothing else.

Revision ID: 7d0e4c5b91aa
Revises: 38e846875a83
Create Date: 2026-11-22
"""

from alembic import op

revision = "7d0e4c5b91aa"
down_revision: str | None = "5c1e9b04d7a3"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index("ix_guardian_link_link_id", "guardian_link", ["link_id"], schema="hub")


def downgrade() -> None:
    op.drop_index("ix_guardian_link_link_id", table_name="guardian_link", schema="hub")
