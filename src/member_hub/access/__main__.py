"""Prints the matrix of the shipped policy: `python -m member_hub.access > policies/matrix.txt`.

Every consent of the register counts as one that can be checked, as the shipped pack has it (policies/cn/consent.toml).
"""

import sys

from member_hub import resources
from member_hub.access.grants import Policies
from member_hub.access.matrix import matrix
from member_hub.access.register import CONSENT_KEYS

if __name__ == "__main__":
    keys = [key for key in CONSENT_KEYS.values() if key is not None]
    sys.stdout.write(matrix(Policies.load(resources.folder("policies"), consent_keys=keys)))
