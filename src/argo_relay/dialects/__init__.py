"""What each vendor says: pure functions on wire bytes. Dialects know nothing of each other."""
