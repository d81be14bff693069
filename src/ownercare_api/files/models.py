"""The table of attachments; the bytes lie in the data folder, named by their hash."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import BigInteger, ForeignKey, Index, Uuid, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from ownercare_api.core.database import Base, Identified, enum_column


class FilePurpose(StrEnum):
    """What an attachment is for."""

    PHOTO_BEFORE = "photo_before"
    PHOTO_AFTER = "photo_after"
    PHOTO_SITE = "photo_site"
    SIGNATURE = "signature"
    RECORDING = "recording"
    DOCUMENT = "document"


PHOTOS = frozenset({FilePurpose.PHOTO_BEFORE, FilePurpose.PHOTO_AFTER, FilePurpose.PHOTO_SITE})
KEPT_SCOPES = ("owners:read", "bank_accounts:confirm")
"""By what the records are seen that keep attachments as evidence: owners' records, firms' bank accounts."""


class FileObject(Identified, Base):
    """An attachment. It belongs to a project; once attached to a case it follows the case's visibility."""

    __tablename__ = "file_object"
    __table_args__ = (Index("ix_file_object_uploaded_by", "uploaded_by", "id"),)

    project_id: Mapped[UUID] = mapped_column(ForeignKey("project.id"), index=True)
    ticket_id: Mapped[UUID | None] = mapped_column(ForeignKey("ticket.id"), index=True)
    purpose: Mapped[FilePurpose] = mapped_column(enum_column(FilePurpose))
    name: Mapped[str]
    media_type: Mapped[str]
    size_bytes: Mapped[int] = mapped_column(BigInteger)
    sha256: Mapped[str]
    uploaded_by: Mapped[UUID]
    uploaded_by_firm_id: Mapped[UUID | None] = mapped_column(ForeignKey("firm.id"))
    created_at: Mapped[datetime]
    kept_since: Mapped[datetime | None]
    """When a record that is no case's first named it as evidence; from then on it is kept with that record."""
    kept_scope: Mapped[str | None]
    """The scope by which that record is seen, and so this: one of `KEPT_SCOPES`."""
    kept_about: Mapped[list[UUID]] = mapped_column(ARRAY(Uuid()), server_default=text("'{}'"))
    """The owners whose records name it: it shows their data, so they learn who fetched it (OWN-07)."""

    @property
    def held(self) -> bool:
        """Say whether a case or another record holds it, so that nobody may delete it."""
        return self.ticket_id is not None or self.kept_since is not None
