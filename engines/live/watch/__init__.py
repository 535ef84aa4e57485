"""Watching a deployment: metrics, health, a heartbeat to an outside watcher, messages to people.

Nothing in here decides about trading, and nothing in here is waited for. What it knows comes from three places: the
journal, read in a thread of its own after the commit; plain copies of a lane's figures that the runner's thread leaves
behind after each message (`copies`); and what feed and runner tell about themselves.
"""
