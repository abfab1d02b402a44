"""No id is drawn twice, in whatever process."""

from __future__ import annotations

import os
import re

from argo_relay.exchange.ids import new_id


def test_ids_have_one_form_and_are_all_different() -> None:
    ids = [new_id() for _ in range(1000)]
    assert len(set(ids)) == 1000
    assert all(re.fullmatch(r"req_[0-9a-f]{24}", one) for one in ids)


def test_a_forked_process_draws_others() -> None:
    new_id()
    read, write = os.pipe()
    child = os.fork()
    if not child:
        os.write(write, new_id().encode())
        os._exit(0)
    os.waitpid(child, 0)
    theirs = os.read(read, 100).decode()
    os.close(read)
    os.close(write)
    assert theirs not in {new_id() for _ in range(1000)}
