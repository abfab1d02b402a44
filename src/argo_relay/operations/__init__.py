"""What is asked for besides a reply: token counts, embeddings, and completions of the old kind. Pure."""
