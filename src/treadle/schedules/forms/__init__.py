"""The forms that an expression may be written in, each read to the one compiled form."""
