"""Decisions without IO: given facts, they say what to do. Time is passed in."""
