"""Bases and embedders, and the weights that come with clipselect, one card beside each.

The repository keeps this folder at its top level; it installs as `clipselect.zoo`.
"""
