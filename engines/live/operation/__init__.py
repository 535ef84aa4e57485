"""Operating a deployment from outside: the channel to a running one, and the commands that use it."""
