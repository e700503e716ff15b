"""Generation: what a model that has learned to make new text, code, tunes and pictures makes when it is asked to."""
