"""Networks that make one feature of a whole set of faces or persons: their parts, and loading their weights.

Training them is `clipselect.train_set_network`; `clipselect.evaluate` measures them beside averaging and choosing.
"""
