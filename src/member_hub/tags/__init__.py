"""Tags: by hand, by rule, by import, and computed (RFM, lifecycle stage, churn risk); G1, G2, G4."""

from member_hub.tags.assigning import Given, assign, is_listed, may_see, remove
from member_hub.tags.defining import Proposal, approve, known_words, propose
from member_hub.tags.definitions import Definition
from member_hub.tags.evaluating import Evaluated, Programme, evaluate, evaluate_due, forget_expired
from member_hub.tags.programme import Numbers, numbers_of
from member_hub.tags.rounds import Ran, run

__all__ = [
    "Definition",
    "Evaluated",
    "Given",
    "Numbers",
    "Programme",
    "Proposal",
    "Ran",
    "approve",
    "assign",
    "evaluate",
    "evaluate_due",
    "forget_expired",
    "is_listed",
    "known_words",
    "may_see",
    "numbers_of",
    "propose",
    "remove",
    "run",
]
