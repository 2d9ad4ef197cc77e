"""A demo set of three channels, orders and activity, drawn from a seed, whose truth is known.

`python -m member_hub.demo --people 2000 --seed 1 --out DIR --truth FILE` writes `website.jsonl app.jsonl store.csv
orders.csv activity.csv` and the true person of every account. Nobody in it is real.
"""

from member_hub.demo import fixed
from member_hub.demo.dirt import DIRT, Dirt, Rate
from member_hub.demo.generation import FILES, Summary, generate

__all__ = ["DIRT", "FILES", "Dirt", "Rate", "Summary", "fixed", "generate"]
