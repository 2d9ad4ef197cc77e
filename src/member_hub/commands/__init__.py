"""The subcommands of `member-hub`, a file per noun; parts are imported inside the functions (see cli.py)."""
