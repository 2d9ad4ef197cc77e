"""Who is who: identifiers read, compared and made into sets of channel accounts."""
