"""The people and machines of the demonstration: one named user for every role, some posts twice (maker and checker)."""

from dataclasses import dataclass
from uuid import UUID

from ownercare_api.demo.bulk import Sheet
from ownercare_api.demo.estate import CUIHU, FOUNDED, JIANGLAN, YUNQI, Estate
from ownercare_api.identity.models import Account, AccountKind, ApiClient, ClientSecret, GrantLevel, RoleGrant
from ownercare_api.identity.passwords import hash_password_now
from ownercare_api.identity.principal import Grant, Principal, PrincipalKind, Reach
from ownercare_api.identity.roles import DEPARTMENTS, ROLES
from ownercare_api.identity.service import digest

DEMO_PASSWORD = "云栖客服-示例-2026"  # noqa: S105
"""The password of every demonstration account; never to be used elsewhere."""

CALL_CENTER_SECRET = "demo-secret-call-center-not-for-production"  # noqa: S105
ANTING_SECRET = "demo-secret-property-anting-not-for-production"  # noqa: S105
HEYUE_SECRET = "demo-secret-property-heyue-not-for-production"  # noqa: S105

COMPANY_WIDE: tuple[str, ...] = ()
_SOLD_HERE = (CUIHU, JIANGLAN, YUNQI)


@dataclass(frozen=True, slots=True)
class DemoAccount:
    """A user to log in with; `post_zh` says the post in words."""

    username: str
    name: str
    post_zh: str


@dataclass(frozen=True, slots=True)
class _Person:
    """A user before the database: company-wide unless `projects` (keys) or `firm` (short name) are named."""

    username: str
    name: str
    role: str
    department: str | None
    projects: tuple[str, ...] = COMPANY_WIDE
    firm: str | None = None
    note: str = ""


_PEOPLE = (
    _Person("general_manager", "陆承远", "general_manager", "general_office"),
    _Person("deputy_general_manager", "沈若川", "deputy_general_manager", "general_office"),
    _Person("deputy_general_manager.2", "顾明漪", "deputy_general_manager", "general_office"),
    _Person("deputy_chief_engineer", "秦怀山", "deputy_chief_engineer", "general_office"),
    _Person("deputy_chief_engineer.2", "方砚", "deputy_chief_engineer", "general_office"),
    _Person("customer_service_manager", "苏婉宁", "customer_service_manager", "customer_service"),
    _Person("customer_relations_supervisor", "韩书瑶", "customer_relations_supervisor", "customer_service"),
    _Person("customer_relations_specialist", "程晓曼", "customer_relations_specialist", "customer_service"),
    _Person("customer_relations_specialist.2", "何俊峰", "customer_relations_specialist", "customer_service"),
    _Person("data_analyst", "孟思齐", "data_analyst", "customer_service"),
    _Person("complaint_supervisor", "贺文渊", "complaint_supervisor", "customer_service"),
    _Person("call_center_agent", "林小满", "call_center_agent", "customer_service"),
    _Person("call_center_agent.2", "罗佳怡", "call_center_agent", "customer_service"),
    _Person("complaint_specialist", "邵云舒", "complaint_specialist", "customer_service"),
    _Person("complaint_specialist.2", "唐致远", "complaint_specialist", "customer_service"),
    _Person("records_clerk", "梁素梅", "records_clerk", "customer_service"),
    _Person("records_clerk.2", "宋雨晴", "records_clerk", "customer_service"),
    _Person("design_engineer", "范一鸣", "design_engineer", "design"),
    _Person("engineering_material_engineer", "石国梁", "engineering_material_engineer", "engineering_material"),
    _Person("engineering_material_engineer.2", "曹立新", "engineering_material_engineer", "engineering_material"),
    _Person("finance_officer", "钱慧敏", "finance_officer", "finance"),
    _Person("finance_officer.2", "金晓东", "finance_officer", "finance"),
    _Person("auditor", "严正平", "auditor", "audit"),
    _Person("auditor.2", "白静怡", "auditor", "audit"),
    _Person("legal_counsel", "江律成", "legal_counsel", "legal"),
    _Person("hr_officer", "陶雅琴", "hr_officer", "human_resources"),
    _Person("sales_manager", "高铭", "sales_manager", "sales_operations", _SOLD_HERE),
    _Person("sales_deputy_manager", "叶知秋", "sales_deputy_manager", "sales_operations", _SOLD_HERE),
    _Person("sales_supervisor", "潘志豪", "sales_supervisor", "sales_operations", (CUIHU,)),
    _Person("sales_consultant", "夏晴", "sales_consultant", "sales_operations", (CUIHU,)),
    _Person("planning_supervisor", "万里程", "planning_supervisor", "sales_operations", (CUIHU,)),
    _Person("planning_specialist", "杜若薇", "planning_specialist", "sales_operations", (CUIHU,)),
    _Person("service_supervisor", "余嘉宁", "service_supervisor", "sales_operations", (CUIHU,)),
    _Person("service_specialist", "彭雨桐", "service_specialist", "sales_operations", (CUIHU,)),
    _Person("receptionist", "温如玉", "receptionist", "sales_office", (CUIHU,)),
    _Person("facility_maintainer", "牛建平", "facility_maintainer", "sales_office", (CUIHU,)),
    _Person("property_company_manager", "乔国华", "property_company_manager", None, firm="安庭物业", note="安庭物业"),
    _Person("property_company_manager.2", "袁立群", "property_company_manager", None, firm="和悦物业", note="和悦物业"),
    _Person("captain.yunqi", "雷建军", "repair_captain", None, firm="安庭物业", note="云栖雅苑"),
    _Person("captain.jianglan", "熊志强", "repair_captain", None, firm="和悦物业", note="江澜府"),
    _Person("captain.cuihu", "段海波", "repair_captain", None, firm="和悦物业", note="翠湖里"),
    _Person("repair_worker", "钱大勇", "repair_worker", None, firm="安庭物业", note="云栖雅苑"),
    _Person("repair_worker.2", "洪振东", "repair_worker", None, firm="和悦物业", note="江澜府"),
    _Person("repair_worker.3", "葛永刚", "repair_worker", None, firm="和悦物业", note="翠湖里"),
    _Person("contractor.1", "龚立军", "contractor_representative", None, firm="固盾防水", note="固盾防水"),
    _Person("contractor.2", "邹凯", "contractor_representative", None, firm="恒驰机电", note="恒驰机电"),
    _Person("contractor.3", "汤文博", "contractor_representative", None, firm="筑雅装饰", note="筑雅装饰"),
    _Person("contractor.4", "黎少华", "contractor_representative", None, firm="明晟门窗幕墙", note="明晟门窗幕墙"),
    _Person("contractor.5", "武继东", "contractor_representative", None, firm="磐石建设", note="磐石建设"),
    _Person("contractor.6", "易立红", "contractor_representative", None, firm="和风暖通", note="和风暖通"),
    _Person("system_administrator", "丁浩然", "system_administrator", "information"),
)


def _words(person: _Person) -> str:
    return ROLES[person.role].zh + (f"·{person.note}" if person.note else "")


DEMO_ACCOUNTS: list[DemoAccount] = [DemoAccount(person.username, person.name, _words(person)) for person in _PEOPLE]
"""Every account that can log in with `DEMO_PASSWORD`."""


@dataclass(frozen=True, slots=True)
class Actor:
    """A person as the history names the one who acted."""

    id: UUID
    name: str
    kind: PrincipalKind
    department: str | None
    firm_id: UUID | None


@dataclass(frozen=True, slots=True)
class Staff:
    """The accounts that were made, by user name."""

    by_username: dict[str, Actor]

    def __getitem__(self, username: str) -> Actor:
        return self.by_username[username]

    def head_office(self) -> Principal:
        """Return the general manager, who publishes the policy."""
        return self._principal("general_manager")

    def finance(self) -> Principal:
        """Return the finance officer, who opens the retention accounts."""
        return self._principal("finance_officer")

    def _principal(self, role: str) -> Principal:
        one = self[role]
        grant = Grant(role, ROLES[role].scopes, Reach(everywhere=True))
        return Principal(kind=one.kind, id=one.id, name=one.name, grants=(grant,), department=one.department, post=role)


def build(sheet: Sheet, estate: Estate, *, firms: dict[str, UUID]) -> Staff:
    """Add accounts, grants and machine clients; `firms` maps the short names of partner firms to their ids."""
    password_hash = hash_password_now(DEMO_PASSWORD)
    made: dict[str, Actor] = {}
    for person in _PEOPLE:
        assert person.department is None or person.department in DEPARTMENTS
        firm_id = None if person.firm is None else firms[person.firm]
        row = sheet.add(
            Account,
            FOUNDED,
            kind=AccountKind.STAFF if firm_id is None else AccountKind.FIRM_USER,
            username=person.username,
            password_hash=password_hash,
            name=person.name,
            post=person.role,
            department=person.department,
            firm_id=firm_id,
            password_changed_at=FOUNDED,
        )
        kind = PrincipalKind.STAFF if firm_id is None else PrincipalKind.FIRM_USER
        made[person.username] = Actor(row["id"], person.name, kind, person.department, firm_id)
        for level, target in _reaches(person, estate, firm_id):
            sheet.add(
                RoleGrant,
                FOUNDED,
                account_id=row["id"],
                role=person.role,
                level=level,
                target_id=target,
                starts_at=FOUNDED,
            )
    _machines(sheet, firms)
    return Staff(made)


def _reaches(person: _Person, estate: Estate, firm_id: UUID | None) -> list[tuple[GrantLevel, UUID | None]]:
    if firm_id is not None:
        return [(GrantLevel.FIRM, firm_id)]
    if person.projects:
        return [(GrantLevel.PROJECT, estate.projects[key]) for key in person.projects]
    return [(GrantLevel.COMPANY, None)]


_CALL_CENTER = ["call_center:lookup", "files:write", "tickets:read", "tickets:register"]
_PROPERTY_COMPANY = [
    "accounts:file",
    "calendars:read",
    "changes:read",
    "files:read",
    "files:write",
    "properties:read",
    "settlements:read",
    "site_surveys:read",
    "tickets:read",
    "work_orders:execute",
    "work_orders:read",
]


def _machines(sheet: Sheet, firms: dict[str, UUID]) -> None:
    """The 400 platform and one system for each property company."""
    _machine(sheet, "call-center", "400 客服热线平台(演示)", _CALL_CENTER, CALL_CENTER_SECRET, None)
    for firm, client_id, secret in (
        ("安庭物业", "property-anting", ANTING_SECRET),
        ("和悦物业", "property-heyue", HEYUE_SECRET),
    ):
        _machine(sheet, client_id, f"{firm}工单系统(演示)", _PROPERTY_COMPANY, secret, firms[firm])


def _machine(sheet: Sheet, client_id: str, name: str, scopes: list[str], secret: str, firm_id: UUID | None) -> None:
    client = sheet.add(
        ApiClient,
        FOUNDED,
        name=name,
        client_id=client_id,
        scopes=scopes,
        level=GrantLevel.COMPANY if firm_id is None else GrantLevel.FIRM,
        target_ids=[] if firm_id is None else [firm_id],
        firm_id=firm_id,
    )
    sheet.add(ClientSecret, FOUNDED, client_id=client["id"], digest=digest(secret), created_at=FOUNDED)
