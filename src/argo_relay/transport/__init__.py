"""The only room that opens connections: to upstreams, and to where images lie that clients give by URL."""
