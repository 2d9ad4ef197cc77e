"""Prints the matrix of the shipped policy: `python -m member_hub.access > policies/matrix.txt`."""

import sys

from member_hub import resources
from member_hub.access.grants import Policies
from member_hub.access.matrix import matrix

if __name__ == "__main__":
    sys.stdout.write(matrix(Policies.load(resources.folder("policies"))))
