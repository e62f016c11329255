"""What worker steps and pages need beyond the database session: settings, storage, addresses of services."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request

from api.db import Database
from api.settings import Settings
from api.storage import Storage


@dataclass(frozen=True)
class Context:
    """One per process. `services`: name → URL where the sandbox stands in."""

    settings: Settings
    database: Database
    storage: Storage
    services: Mapping[str, str]

    @property
    def secret(self) -> str:
        return self.settings.secret_key.get_secret_value()

    def url(self, name: str) -> str:
        """The service's address: the setting, else the sandbox's; "" where there is none."""
        return getattr(self.settings, f"{name}_url", None) or self.services.get(name, "")


# async: read off the application, no thread is needed for it.
async def _context(request: Request) -> Context:
    context: Context = request.app.state.context
    return context


Ctx = Annotated[Context, Depends(_context)]
