"""Growth: what grows, once each, and what the figures of a member come to."""
