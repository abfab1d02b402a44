"""What happened: one record an exchange, and one sink a file. Never a prompt, an answer, a key or an address."""
