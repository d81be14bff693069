"""How the installation is doing: background jobs, and health for load balancers."""
