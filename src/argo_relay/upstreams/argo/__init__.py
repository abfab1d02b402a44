"""Argo, Argonne's LLM service: plain vendor routes behind one address, with the user's name as the only credential."""
