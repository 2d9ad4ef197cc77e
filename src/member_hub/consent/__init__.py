"""Consent: for now, what the channel files said about it, kept to be replayed."""
