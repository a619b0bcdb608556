"""What goes on whichever widget is open: painted labels are kept, saved, and offered again."""
