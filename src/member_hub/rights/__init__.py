"""What members may ask for under PIPL; for now the copy (Art. 45) and the erasure (Art. 47) of everything held."""

from member_hub.rights.actions import Erasure, erase, export, renew_keys
from member_hub.rights.finding import find_person, hold_person

__all__ = ["Erasure", "erase", "export", "find_person", "hold_person", "renew_keys"]
