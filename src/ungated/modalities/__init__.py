"""How files become numbers. A modality reads, decides what the parts are, and encodes; it trains nothing."""
