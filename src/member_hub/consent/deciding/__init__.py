"""Acts on consent: giving, refusing, withdrawing, objecting; and whether something may be sent."""
