"""Standings: marking members to be looked at, reviewing them, placing one by hand."""
