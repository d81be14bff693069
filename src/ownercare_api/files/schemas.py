"""What the file room sends and takes."""

from datetime import datetime
from uuid import UUID

from pydantic import Field

from ownercare_api.core.wire import Inward, Outward
from ownercare_api.files.models import FilePurpose


class UploadFields(Inward):
    """The fields beside the file in the form."""

    purpose: FilePurpose = Field(description="what the attachment is for (用途)", examples=["photo_before"])
    project_id: UUID = Field(description="the project it belongs to (所属项目)")


class FileRead(Outward):
    """An attachment (附件)."""

    id: UUID
    project_id: UUID
    ticket_id: UUID | None = Field(description="the case it was attached to; null: not attached yet")
    purpose: FilePurpose
    name: str = Field(examples=["主卧渗水照片.jpg"])
    media_type: str = Field(description="as found in the bytes, whatever was claimed", examples=["image/jpeg"])
    size_bytes: int = Field(examples=[482113])
    sha256: str = Field(description="of the content, in hexadecimal")
    uploaded_by: UUID
    uploaded_by_firm_id: UUID | None = Field(description="the uploader's firm, for users of partner firms")
    created_at: datetime
    content: str = Field(description="where the bytes are", examples=["/v1/files/…/content"])
    attached: bool = Field(description="a case or another record holds it, so it can't be deleted any more")
    version: int = Field(description="1; one more once a case, and once another record holds it", examples=[1])
