"""Stand-ins for the remote services, over real HTTP on this machine: same contracts, invented companies only."""
