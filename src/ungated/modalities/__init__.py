"""Modalities: how files become numbers. A modality reads, decides what its parts are, and encodes; it trains nothing."""
