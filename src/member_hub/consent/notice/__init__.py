"""Notices: published for good, shown to members, and what may be asked with them; which bit of a member row counts."""
