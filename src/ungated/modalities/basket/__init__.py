"""Baskets: sets of items, read from lines, from rows of (basket, item), from yes/no columns, and given as items.

baskets = recognise("groceries.csv", asked=True)      # a frame with the column `basket`, one row a basket
encoder = ItemEncoder.fit(baskets.frame["basket"], {})
encoder.numbers(baskets.frame["basket"], y).x         # csr_array uint8 (n, items)
"""

from .items import ItemEncoder
from .recognise import Layout, from_input, from_table, recognise

__all__ = ["ItemEncoder", "Layout", "from_input", "from_table", "recognise"]
