"""Attachments: photos, signatures, documents."""
