"""The owner who calls, as typed names: the scope, and that the caller is an owner indeed."""

from typing import Annotated

from fastapi import Depends

from ownercare_api.identity.access import door
from ownercare_api.identity.principal import Principal
from ownercare_api.owners.own import self_of


async def _reading(principal: Annotated[Principal, door("my:read")]) -> Principal:
    self_of(principal)
    return principal


async def _writing(principal: Annotated[Principal, door("my:write")]) -> Principal:
    self_of(principal)
    return principal


MyRead = Annotated[Principal, Depends(_reading)]
"""An owner who looks; a scope given to anybody else by mistake opens nothing (`NotAnOwner`)."""
MyWrite = Annotated[Principal, Depends(_writing)]
"""An owner who acts."""
