"""Small real files of every kind, and attachments as rows."""

import io
import zipfile
from datetime import datetime
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from ownercare_api.core.ids import uuid7
from ownercare_api.files.models import FileObject, FilePurpose

JPEG = b"\xff\xd8\xff\xe0\x00\x10JFIF\x00\x01" + bytes(64) + b"\xff\xd9"
PNG = b"\x89PNG\r\n\x1a\n" + b"\x00\x00\x00\rIHDR" + bytes(32)
WEBP = b"RIFF\x24\x00\x00\x00WEBPVP8 " + bytes(24)
WAV = b"RIFF\x24\x00\x00\x00WAVEfmt " + bytes(24)
PDF = b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n1 0 obj\n<<>>\nendobj\n%%EOF\n"
HEIC = b"\x00\x00\x00\x18ftypmif1\x00\x00\x00\x00mif1heic" + bytes(16)
M4A = b"\x00\x00\x00\x1cftypmp42\x00\x00\x00\x00isomM4A mp42" + bytes(16)
MP4_VIDEO = b"\x00\x00\x00\x18ftypisom\x00\x00\x02\x00isomavc1" + bytes(16)
MP3_TAGGED = b"ID3\x04\x00\x00\x00\x00\x00\x00" + bytes(32)
MP3_BARE = b"\xff\xfb\x90\x64" + bytes(32)


def archive(*names: str) -> bytes:
    """Make a ZIP with these entries."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as out:
        for name in names:
            out.writestr(name, "<x/>")
    return made.getvalue()


XLSX = archive("[Content_Types].xml", "xl/workbook.xml", "xl/worksheets/sheet1.xml")


async def make_file(
    session: AsyncSession,
    *,
    project_id: UUID,
    uploaded_by: UUID,
    now: datetime,
    purpose: FilePurpose = FilePurpose.PHOTO_SITE,
    firm_id: UUID | None = None,
    ticket_id: UUID | None = None,
) -> FileObject:
    """Insert an attachment's row, without bytes."""
    file = FileObject(
        id=uuid7(),
        project_id=project_id,
        ticket_id=ticket_id,
        purpose=purpose,
        name="现场照片.jpg",
        media_type="image/jpeg",
        size_bytes=len(JPEG),
        sha256="00" * 32,
        uploaded_by=uploaded_by,
        uploaded_by_firm_id=firm_id,
        created_at=now,
    )
    session.add(file)
    await session.flush()
    return file
