"""Several processes that are one relay: a supervisor, which starts them and keeps what they share, and the workers.

The supervisor serves nobody. It owns the sockets that listen, gives out places, counts what all have done, passes lists
of models on, and replaces workers: one that died, or all of them by new ones. Each worker is the relay of `server.run`,
and has a link to it. With one worker there is none of this.
"""
