"""The commands a person types: the only room that prints."""
