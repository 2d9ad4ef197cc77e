"""Order lines and daily activity, and the lines that wait for their account."""
