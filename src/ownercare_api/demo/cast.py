"""Who plays in the main job: the caller with a home, the contractor who is liable, and the questionnaire."""

from typing import Any

from ownercare_api.demo.stage import MainJobFailed, Stage


async def questionnaire_of(stage: Stage) -> dict[str, Any]:
    """Return a published questionnaire, writing one where there is none yet."""
    listed = (await stage.get("customer_service_manager", "/questionnaires?status=published"))["items"]
    if listed:
        found: dict[str, Any] = await stage.get("customer_service_manager", f"/questionnaires/{listed[0]['id']}")
        return found
    questions = [
        {"key": "product", "text": "您对房屋质量是否满意?", "kind": "scale", "dimension": "product"},
        {"key": "sales_service", "text": "您对销售服务是否满意?", "kind": "scale", "dimension": "sales_service"},
        {"key": "after_sales", "text": "您对本次维修是否满意?", "kind": "scale", "dimension": "after_sales_service"},
        {
            "key": "advice",
            "text": "您的意见和建议?",
            "kind": "text",
            "required": False,
            "dimension": "after_sales_service",
        },
    ]
    body = {"code": "MYD-WX", "title": "客户满意度调查表(维修)", "questions": questions}
    drafted = await stage.post("customer_relations_supervisor", "/questionnaires", body)
    made: dict[str, Any] = await stage.post("customer_service_manager", f"/questionnaires/{drafted['id']}/publication")
    return made


async def caller(stage: Stage, skip: int) -> tuple[dict[str, Any], dict[str, Any], str]:
    """Return a home, its owner and the owner's number: whoever happens to call today."""
    manager = "customer_service_manager"
    project = next(
        one for one in (await stage.get(manager, "/projects?limit=50"))["items"] if one["name"] == "云栖雅苑"
    )
    units = (await stage.get(manager, f"/units?project_id={project['id']}&occupied=true&limit=200"))["items"]
    units = sorted(units, key=lambda unit: str(unit["delivered_on"]), reverse=True)
    unit = units[skip]
    owner = (await stage.get(manager, f"/owners?unit_id={unit['id']}"))["items"][0]
    body = {"field": "mobile", "purpose": "演示:模拟业主来电号码"}
    shown = await stage.call(manager, "POST", f"/owners/{owner['id']}/disclosures", body)
    return unit, owner, str(shown["value"])


async def contractor_of(stage: Stage, firm_id: str) -> str:
    """Return the demo user who represents a contractor."""
    for number in range(1, 7):
        who = f"contractor.{number}"
        if (await stage.get(who, "/me"))["firm_id"] == firm_id:
            return who
    raise MainJobFailed("no demo user represents that contractor")


async def contractor_for(stage: Stage, project_id: str, part: str) -> str:
    """Return the demo user of the contractor whose contract covers a part of a project."""
    path = f"/construction-contracts?project_id={project_id}&building_part={part}"
    contract = (await stage.get("engineering_material_engineer", path))["items"][0]
    return await contractor_of(stage, contract["firm"]["id"] if "firm" in contract else contract["firm_id"])
