"""Every table of the product, imported once: what migrations, tests and the privacy check go over.

A domain with a `tables.py` is named here; a test finds the one that is not.
"""

from sqlalchemy import MetaData

import member_hub.approving.tables
import member_hub.audit.tables
import member_hub.benefits.tables
import member_hub.consent.tables
import member_hub.crypto.tables
import member_hub.idempotency.tables
import member_hub.identity.tables
import member_hub.ingest.tables
import member_hub.members.gates
import member_hub.members.tables
import member_hub.members.taggings
import member_hub.orders.tables
import member_hub.points.tables
import member_hub.reports.tables
import member_hub.revealing.tables
import member_hub.sign_in.tables
import member_hub.tags.tables
import member_hub.telling.tables
import member_hub.tiers.tables
import member_hub.till.tables  # noqa: F401
from member_hub.db import Base

METADATA: MetaData = Base.metadata
