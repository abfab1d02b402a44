"""The official OpenAI client, streaming: the timeout covers the whole stream."""

from openai import OpenAI

client = OpenAI(base_url="http://localhost:44497/v1", api_key="dummy")
stream = client.chat.completions.create(
    model="argo:gpt-4",
    messages=[{"role": "user", "content": "What is a timeout?"}],
    stream=True,
    extra_body={"timeout": 120},
    timeout=130,
)
for chunk in stream:
    print(chunk.choices[0].delta.content or "", end="", flush=True)
print()
