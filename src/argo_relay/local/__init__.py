"""A small real model on this machine: llama.cpp's server as a process of its own, for as long as the relay runs."""
