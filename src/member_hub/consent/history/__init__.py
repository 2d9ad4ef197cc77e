"""What was decided, chained and never changed; where it stands now; receipts; what the clock does to it."""
