"""The paper and nothing else: pure functions and one network, in the order of its equations (eq. 2 to 11)."""
