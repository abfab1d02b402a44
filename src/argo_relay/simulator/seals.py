"""What a vendor seals its reasoning with, so that it can tell its own when a client sends it back.

Nothing is remembered: a signature is a digest of the thinking that it signs, a sealed token one of itself. Whoever
reads this can forge both; it is there to notice what got lost or mangled between two turns.
"""

from __future__ import annotations

import base64
import hashlib
import hmac

_KEY = b"argo simulator"
_FERNET = b"\x80" + bytes(8)
"""The version and the time in a Fernet token: as base64, OpenAI's encrypted_content always starts with `gAAAAA`."""
_NONCE = 24
_UNSIGNED = frozenset({"skip_thought_signature_validator", "context_engineering_is_the_way_to_go"})
"""What Gemini takes in place of a signature, for calls that it did not make itself."""


def _digest(purpose: bytes, data: bytes) -> bytes:
    return hmac.digest(_KEY, purpose + data, hashlib.sha256)


def signature(thinking: str) -> str:
    """Return the signature of a Claude's thinking."""
    return base64.b64encode(b"\x12" + _digest(b"signature", thinking.encode("utf-8", "surrogatepass")) * 2).decode()


def signed(thinking: str, given: str) -> bool:
    """Whether `given` is the signature of exactly this thinking."""
    return hmac.compare_digest(signature(thinking).encode(), given.encode("utf-8", "surrogatepass"))


def sealed(purpose: str, text: str) -> str:
    """Return a token of its own for `text`."""
    nonce = hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()[:_NONCE]
    return base64.urlsafe_b64encode(_FERNET + nonce + _digest(purpose.encode(), nonce)).decode()


def is_sealed(purpose: str, token: object) -> bool:
    """Whether `token` was made by `sealed` for this purpose."""
    if not isinstance(token, str):
        return False
    try:
        data = base64.b64decode(token, altchars=b"-_", validate=True)
    except ValueError:
        return False
    if not data.startswith(_FERNET):
        return False
    data = data.removeprefix(_FERNET)
    return hmac.compare_digest(data[_NONCE:], _digest(purpose.encode(), data[:_NONCE]))


def gemini_takes(token: object) -> bool:
    """Whether Gemini takes this as a call's thought_signature."""
    return token in _UNSIGNED or is_sealed("call", token)
