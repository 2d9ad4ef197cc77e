"""`front` and `make_front`, as the tests of signing in have them: members who can be told something over a service."""

from tests.sign_in_codes.conftest import front, make_front

__all__ = ["front", "make_front"]
