"""Ungated: machine learning on the computer you own."""

__version__ = "0.1.0"
