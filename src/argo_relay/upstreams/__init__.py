"""What each kind of upstream wants: addresses, identity, model lists. Pure."""
