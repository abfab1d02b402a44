"""`python -m argo_relay` is the command `argo-relay`."""

from argo_relay.cli.main import main

main()
