"""A raw request with requests: the relay gives up after 120 s, the client would after 130."""

import requests

response = requests.post(
    "http://localhost:44497/v1/chat/completions",
    json={
        "model": "argo:gpt-4",
        "messages": [{"role": "user", "content": "What is a timeout?"}],
        "timeout": 120,
    },
    timeout=130,
)
print(response.json()["choices"][0]["message"]["content"])
