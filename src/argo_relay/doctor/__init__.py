"""What is wrong between here and the upstream, step by step: each check says what it found and what to do about it."""
