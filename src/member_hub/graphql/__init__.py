"""The API in domain words: one file per noun; one request is read, planned, checked, answered and put on record."""

from member_hub.graphql.executing import Answer, Api, Asked, refused
from member_hub.graphql.problems import Language
from member_hub.graphql.schema import SDL_FILE, is_current, sdl
from member_hub.graphql.trusted import Registered

__all__ = ["SDL_FILE", "Answer", "Api", "Asked", "Language", "Registered", "is_current", "refused", "sdl"]
