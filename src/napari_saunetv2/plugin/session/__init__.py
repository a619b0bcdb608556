"""Saving, autosaving and recovering painted labels, whichever widget is open."""
