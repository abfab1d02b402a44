"""The language in the middle: values only. It imports nothing of ours, does no IO and knows no dialect."""
