"""`make bench`: how well the hub matches and how fast it imports, beside what is possible, in one run."""
