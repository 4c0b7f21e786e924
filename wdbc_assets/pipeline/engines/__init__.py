"""Where independent units of work run: `local` is a pool of processes on this machine."""
