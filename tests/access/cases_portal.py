"""The owners' portal: what an owner sees and does of his own, and nobody else, also not staff (OWN-07)."""

from typing import Any

from tests.access.case import NO_FIRM, THE, Case, child, own
from tests.factories.files import JPEG

_MY: dict[str, Any] = {"sight": "owner", "firms": NO_FIRM, "right": "owner_login"}
_LIST: dict[str, Any] = {**_MY, "lists": True, "firm_letters": "O"}
_OWN: dict[str, Any] = {"shared": True, "right": "owner_login", "sight": "owner"}
_BARE: dict[str, Any] = {**_LIST, "firm_letters": ""}

CASES = [
    Case("my_profile_read", **_LIST),
    Case("my_homes_list", filters={"project_id": "project"}, **_LIST),
    Case("my_homes_read", subject="unit", **_MY),
    Case("my_looks_list", **_BARE),
    Case("my_sharings_list", **_BARE),
    Case("my_tickets_create", subject="unit",
         body={"unit_id": THE, "category": "repair", "title": "漏水", "description": "卫生间漏水",
               "file_ids": [child("my_file")]}, **_MY),
    Case("my_tickets_list", filters={"unit_id": "unit"}, **_LIST),
    Case("my_tickets_read", subject="my_ticket", **_MY),
    Case("my_tickets_history_list", subject="my_ticket", **_MY),
    Case("my_tickets_chase_create", subject="my_ticket", body={"summary": "请尽快安排"}, **_MY),
    Case("my_tickets_withdrawal_create", subject="my_ticket", body={"reason": "已自行处理"}, **_MY),
    Case("my_work_orders_list", filters={"unit_id": "unit", "ticket_id": "order_dispatched_ticket"}, **_LIST),
    Case("my_work_orders_read", subject="order_dispatched", **_MY),
    Case("my_work_orders_consent_create", subject="order_extension", body={"consented": True}, **_MY),
    Case("my_work_orders_signature_create", subject="order_completed", body={"satisfaction": 5}, **_MY),
    Case("my_questionnaires_list", **_LIST),
    Case("my_survey_responses_create", subject="ticket_informed",
         body={"questionnaire_id": own("questionnaire"), "ticket_id": THE,
               "answers": [{"question": "repair_quality", "value": 5}]}, **_MY),
    Case("my_survey_responses_list", filters={"ticket_id": "ticket_answered"}, **_LIST),
    Case("my_survey_responses_read", subject="my_response", **_MY),
    Case("my_files_create", subject="unit",
         form={"purpose": "photo_site", "unit_id": THE, "file": ("照片.jpg", JPEG)}, **_MY),
    Case("my_files_list", **_LIST),
    Case("my_files_read", subject="my_file", **_MY),
    Case("my_files_delete", subject="my_file", **_MY),
    Case("my_files_content_read", subject="my_file", **_MY),
    Case("my_change_requests_create", body={"changes": {"home_address": "某路 2 号"}}, **_OWN),
    Case("my_change_requests_list", **_LIST),
    Case("my_change_requests_read", subject="my_change", **_MY),
    Case("my_change_requests_withdrawal_create", subject="my_change", body={"reason": "不改了"}, **_MY),
    Case("my_consents_read", **_BARE),
    Case("my_consents_create", body={"purpose": "satisfaction_surveys", "text_version": "2026-01"}, **_OWN),
    Case("my_consents_history_list", **_BARE),
    Case("my_consents_withdrawal_create", path={"purpose": "=marketing"}, **_OWN),
    Case("my_privacy_requests_create", body={"kind": "erasure", "reason": "房屋已出售"}, **_OWN),
    Case("my_privacy_requests_list", **_LIST),
    Case("my_privacy_requests_read", subject="request_restriction", **_MY),
    Case("my_privacy_requests_copy_read", subject="request_copy", **_MY),
    Case("my_privacy_requests_withdrawal_create", subject="request_restriction", **_MY),
]  # fmt: skip
