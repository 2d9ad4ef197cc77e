"""Members and their golden profile."""
