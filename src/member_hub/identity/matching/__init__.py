"""The pure rules of who is who; `identity/rules.py` is the way in."""
