"""Text: prose, messages and code, in any language, as tokens and as rows."""
