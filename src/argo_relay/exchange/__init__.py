"""One exchange, end to end: a request received, passed on, its reply relayed, its end recorded."""
