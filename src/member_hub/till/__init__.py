"""The member code: what a member shows at a till of any store, so that whoever serves them finds them once."""

from member_hub.till.actions import IssuedCode, TooManyCodes, issue, redeem
from member_hub.till.rules import canonical

__all__ = ["IssuedCode", "TooManyCodes", "canonical", "issue", "redeem"]
