"""Classical: ideas from 1991 to 2011."""
