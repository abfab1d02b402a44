"""What the operator may set, where it is read from, and who says what is wrong with it."""
