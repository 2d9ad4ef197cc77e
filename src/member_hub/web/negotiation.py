"""In which media type an answer is given (GraphQL over HTTP)."""

from collections.abc import Iterator

GRAPHQL = "application/graphql-response+json"
JSON = "application/json"
RANGES_MAX = 30


def chosen(accept: str | None) -> str | None:
    """The type that the client prefers; JSON where it does not mind; None where it takes neither."""
    if accept is None or not accept.strip():
        return JSON
    best: tuple[float, int] = (0.0, 0)
    found = None
    for place, (media_range, quality) in enumerate(_ranges(accept)):
        type_ = _type_of(media_range)
        if type_ is not None and (quality, -place) > best and quality > 0:
            best, found = (quality, -place), type_
    return found


def _type_of(media_range: str) -> str | None:
    if media_range in (GRAPHQL, JSON):
        return media_range
    return JSON if media_range in ("*/*", "application/*") else None


def _ranges(accept: str) -> Iterator[tuple[str, float]]:
    for item in accept.split(",")[:RANGES_MAX]:
        media_range, *parameters = (part.strip().lower() for part in item.split(";"))
        yield media_range, _quality(parameters)


def _quality(parameters: list[str]) -> float:
    for parameter in parameters:
        if parameter.startswith("q="):
            try:
                return min(max(float(parameter[2:]), 0.0), 1.0)
            except ValueError:
                return 0.0
    return 1.0
