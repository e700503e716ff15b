"""What flows through the house: numbers, algorithms and their cards, costs, clocks, the record of a run, errors.

This floor imports nothing of ours and nothing heavier than NumPy. It knows no file, no modality and no library.
"""
