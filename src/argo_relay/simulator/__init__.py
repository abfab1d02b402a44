"""A faithful Argo for your own machine.

Imports nothing else of this package, so that it cannot share its mistakes: what Argo says on the wire is written down
here a second time, from recordings of Argo itself. Everything but `client`, `route`, `app` and `run` is pure.
"""
