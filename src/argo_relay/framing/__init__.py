"""Bytes without meaning: how JSON and event streams are cut up and put together, whatever they say."""
