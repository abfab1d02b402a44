"""The proxy's only room with a web server: it turns ASGI into exchanges and answers what is not one."""
