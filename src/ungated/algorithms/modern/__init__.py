"""Modern: ideas since 2012."""
