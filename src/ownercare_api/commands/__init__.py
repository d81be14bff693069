"""What the `ownercare` command does, one module per command."""
