"""Decisions told by channel files, and those that a restored database has forgotten."""
