"""`front` as the tests of signing in have it, with a notice in force: members can be pointed to it over a service.

`unpublished`: the same hub before there is any notice.
"""

import pytest

from tests.conftest import Run
from tests.graphql.notices import publish
from tests.sign_in_codes.conftest import MakeFront, make_front
from tests.sign_in_codes.desk import Front

__all__ = ["make_front"]


URL = "https://brand.example/privacy"


@pytest.fixture
def unpublished(make_front: MakeFront, run: Run) -> Front:
    made: Front = run(make_front(notice_url=URL))
    return made


@pytest.fixture
def front(unpublished: Front, run: Run) -> Front:
    run(publish(unpublished))
    return unpublished
