"""The official OpenAI client: `extra_body` carries the relay's timeout, `timeout` is the client's own."""

from openai import OpenAI

client = OpenAI(base_url="http://localhost:44497/v1", api_key="dummy")
completion = client.chat.completions.create(
    model="argo:gpt-4",
    messages=[{"role": "user", "content": "What is a timeout?"}],
    extra_body={"timeout": 120},
    timeout=130,
)
print(completion.choices[0].message.content)
