"""Channel files and events: read, checked, deduplicated, resolved and applied; bad rows go to quarantine."""
