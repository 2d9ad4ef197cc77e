"""Rules of growth and tiers: what they are, how they are read, and what they decide. Pure but for `versions`."""
