"""Serving: a model that writes, over HTTP, as editors and OpenAI's clients speak. One model, many clients in turn."""
