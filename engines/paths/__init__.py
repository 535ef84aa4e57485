"""How much of a result hangs on the path that is assumed inside each bar."""
