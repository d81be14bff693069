"""`python -m ownercare_api` is `ownercare`."""

from ownercare_api.cli import main

main()
