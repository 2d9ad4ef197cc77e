"""Guardians of children under 14, and coming of age."""
