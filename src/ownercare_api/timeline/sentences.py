"""Events as sentences for people, in Chinese and English. A kind without a sentence reads as its own name."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from ownercare_api.core.clock import SHANGHAI
from ownercare_api.core.errors import Language
from ownercare_api.core.money import AmountOutOfRange, fen_to_text
from ownercare_api.identity.roles import ROLES

SENTENCES: Mapping[str, tuple[str, str]] = {
    # Imports and exports
    "import.uploaded": ("{actor} 上传了名册", "{actor} uploaded a roster"),
    "import.checked": ("名册校验完毕", "The roster was checked"),
    "import.refused": ("名册未导入,原因见导入详情", "The roster was not imported"),
    "import.confirmed": ("{actor} 确认导入名册", "{actor} confirmed the import"),
    "import.done": ("名册导入完成", "The roster was imported"),
    "import.cancelled": ("{actor} 取消了名册导入", "{actor} cancelled the import"),
    "import.failed": ("名册导入失败", "The import failed"),
    "export.requested": ("{actor} 申请导出", "{actor} asked for an export"),
    "export.referred": ("导出超过行数上限,转为待审批", "The export exceeds the cap and waits for approval"),
    "export.approved": ("{actor} 批准了导出", "{actor} approved the export"),
    "export.rejected": ("{actor} 驳回了导出", "{actor} rejected the export"),
    "export.cancelled": ("{actor} 取消了导出", "{actor} cancelled the export"),
    "export.ready": ("导出文件已生成", "The exported file was made"),
    "export.downloaded": ("{actor} 下载了导出文件", "{actor} downloaded the exported file"),
    "export.expired": ("导出文件到期已删除", "The exported file expired and was deleted"),
    "export.failed": ("导出失败", "The export failed"),
    # The register and tickets
    "ticket.registered": ("{actor} 登记了工单", "{actor} registered the ticket"),
    "ticket.responded": ("{actor} 首次响应了业主", "{actor} gave the owner the first response"),
    "ticket.classified": (
        "{actor} 完成核实分类,指定了责任部门",
        "{actor} classified the ticket and named the department",
    ),
    "ticket.investigation_started": ("{actor} 启动了调查", "{actor} began the investigation"),
    "ticket.department_fed_back": ("{actor} 反馈了处理信息", "{actor} reported how the department handles it"),
    "ticket.resolved": ("{actor} 登记处理完毕", "{actor} resolved the ticket"),
    "ticket.owner_informed": ("{actor} 向业主反馈了处理结果", "{actor} told the owner the result"),
    "ticket.chased": ("{actor} 登记了业主催办", "{actor} recorded that the owner asked again"),
    "ticket.reopening_asked": ("{actor} 请求重新受理工单", "{actor} asked to take the ticket up again"),
    "ticket.closed": ("{actor} 办结并归档了工单", "{actor} closed and archived the ticket"),
    "ticket.reopened": ("{actor} 重启了工单", "{actor} reopened the ticket"),
    "ticket.withdrawn": ("{actor} 撤销了工单", "{actor} withdrew the ticket"),
    # Clocks
    "deadline.started": ("“{clock}”开始计时,{due_at} 前完成", "The {clock} clock started, due {due_at}"),
    "deadline.met": ("“{clock}”按时完成", "The {clock} clock was met"),
    "deadline.late": ("“{clock}”逾期完成", "The {clock} clock was met late"),
    "deadline.moved": ("“{clock}”时限调整为 {due_at}", "The {clock} clock is now due {due_at}"),
    "deadline.confirmed": ("“{clock}”时限经正式日历确认", "The official calendar confirms the {clock} clock"),
    "deadline.cancelled": ("“{clock}”不再计时", "The {clock} clock was cancelled"),
    "deadline.due_soon": ("“{clock}”即将到期({due_at})", "The {clock} clock is nearly due ({due_at})"),
    "deadline.due": ("“{clock}”已到期({due_at})", "The {clock} clock is due ({due_at})"),
    "deadline.escalated": ("“{clock}”逾期,已上报", "The {clock} clock is overdue and was escalated"),
    "hold.started": ("{actor} 暂停了计时", "{actor} put the clocks on hold"),
    "hold.ended": ("{actor} 恢复了计时", "{actor} ended the hold"),
    # Site surveys
    "site_survey.arranged": ("{actor} 安排了现场勘察", "{actor} arranged a site survey"),
    "site_survey.recorded": ("{actor} 填写了现场勘察会签表", "{actor} recorded the findings of the survey"),
    "site_survey.signed": ("{actor} 会签了现场勘察会签表", "{actor} signed the survey form"),
    "site_survey.co_signed": ("现场勘察会签表会签完成", "The survey form is fully signed"),
    "site_survey.cancelled": ("{actor} 取消了现场勘察", "{actor} cancelled the survey"),
    # Work orders
    "work_order.raised": ("{actor} 开具了工程派工单", "{actor} raised a work order"),
    "work_order.updated": ("{actor} 修改了派工单", "{actor} changed the work order"),
    "work_order.surveyed": ("紧急派工单补办了现场勘察", "The emergency order got its site survey"),
    "work_order.approved": ("维修费用获得批准", "The repair cost was approved"),
    "work_order.rejected": ("维修费用未获批准", "The repair cost was rejected"),
    "work_order.dispatched": ("{actor} 派出了维修队", "{actor} dispatched the repair team"),
    "work_order.accepted": ("{actor} 接单", "{actor} accepted the work order"),
    "work_order.refused": ("{actor} 退回了派工", "{actor} handed the work order back"),
    "work_order.extension_requested": ("{actor} 申请延期", "{actor} asked for an extension"),
    "work_order.extension_answered": ("{actor} 登记了业主对延期的答复", "{actor} recorded the owner's answer"),
    "work_order.completed": ("{actor} 报完工", "{actor} reported the work done"),
    "work_order.signed": ("{actor} 验收签字", "{actor} signed the acceptance"),
    "work_order.signed_off": ("竣工验收与业主签认完成", "The work is accepted and signed off by the owner"),
    "work_order.reworked": ("验收未通过,{actor} 要求返工", "{actor} sent the work back"),
    "work_order.called_back": ("{actor} 进行了电话回访", "{actor} made a callback"),
    "work_order.closed": ("派工单回访完毕,已关闭", "The work order is called back and closed"),
    "work_order.cancelled": ("{actor} 取消了派工单", "{actor} cancelled the work order"),
    # Approvals
    "approval.requested": ("{actor} 提交了审批", "{actor} asked for approval"),
    "approval.decided": ("{actor} 作出了审批决定", "{actor} decided on the approval"),
    "approval.approved": ("{actor} 批准", "{actor} approved"),
    "approval.rejected": ("{actor} 驳回", "{actor} rejected"),
    "approval.superseded": ("原审批作废,已重新提交", "The approval was replaced by a new one"),
    "approval.withdrawn": ("审批已撤回", "The approval was withdrawn"),
    # Final accounts, settlements, retention
    "final_account.filed": ("{actor} 编制了维修工程决算书", "{actor} drew up the final account"),
    "final_account.edited": ("{actor} 修改了决算书", "{actor} changed the final account"),
    "final_account.submitted": ("{actor} 报送了决算书", "{actor} submitted the final account"),
    "final_account.audited": ("{actor} 审核了决算", "{actor} audited the final account"),
    "final_account.returned": ("{actor} 退回了决算书", "{actor} returned the final account"),
    "final_account.settled": ("决算已编制结算书", "The final account was settled"),
    "settlement.written": ("{actor} 编制了维修工程结算书", "{actor} wrote the settlement"),
    "settlement.notified": ("{actor} 通知了施工单位确认", "{actor} asked the contractor to confirm"),
    "settlement.reminded": ("{actor} 催告了施工单位", "{actor} reminded the contractor"),
    "settlement.confirmed": ("{actor} 代表施工单位确认", "{actor} confirmed for the contractor"),
    "settlement.partly_confirmed": ("{actor} 代表施工单位部分确认", "{actor} confirmed a part for the contractor"),
    "settlement.refused": ("{actor} 代表施工单位拒绝确认", "{actor} refused for the contractor"),
    "settlement.deemed_confirmed": ("施工单位逾期未答复,视为确认", "The contractor kept silent: deemed confirmed"),
    "settlement.dispute_resolved": ("{actor} 处理了争议", "{actor} resolved the dispute"),
    "settlement.certified": ("{actor} 完成认定", "{actor} determined the settlement"),
    "settlement.paid": ("{actor} 拨付了维修费用", "{actor} paid the settlement"),
    "settlement.payment_reversed": ("{actor} 冲销了拨付", "{actor} reversed the payment"),
    "retention.opened": ("{actor} 建立了保证金账户", "{actor} opened the retention account"),
    "retention.deducted": (
        "从工程质量保证金扣除 {amount_fen} 元",
        "{amount_fen} yuan were deducted from retention",
    ),
    "retention.deduction_reversed": ("保证金扣除已冲销", "The deduction from the retention was reversed"),
    "retention.release_requested": ("{actor} 申请返还保证金", "{actor} asked to release retention"),
    "retention.release_opinion_given": ("{actor} 出具了工程尾款支付意见", "{actor} gave the opinion on the release"),
    "retention.released": ("{actor} 返还了保证金", "{actor} released retention"),
    "contractor.claim_raised": (
        "对施工单位形成追偿 {amount_fen} 元",
        "The contractor now owes {amount_fen} yuan",
    ),
    "contractor.claim_reversed": ("对施工单位的追偿已冲销", "The claim on the contractor was reversed"),
    # Logins
    "session.opened": ("{actor} 登录", "{actor} logged in"),
    "session.ended": ("{actor} 结束了登录", "{actor} ended a login"),
    "session.revoked": ("刷新令牌被重复使用,该登录已作废", "A refresh token was used twice; its login was ended"),
    "session.refused": ("登录连续失败,暂停受理", "Logins failed again and again; further attempts are paused"),
    "password.changed": ("{actor} 修改了密码", "{actor} changed the password"),
    "signing_key.rotated": ("访问令牌签名密钥已轮换", "The signing key of access tokens was rotated"),
    # Owners
    "owner.registered": ("{actor} 建立了业主档案", "{actor} registered the owner"),
    "owner.updated": ("{actor} 修改了业主档案", "{actor} changed the owner's record"),
    "owner.phone_added": ("{actor} 添加了业主电话", "{actor} added a telephone number of the owner"),
    "owner.phone_removed": ("{actor} 删除了业主电话", "{actor} removed a telephone number of the owner"),
    "owner.searched": ("{actor} 查找了业主", "{actor} searched for an owner"),
    "owner.disclosed": ("{actor} 按事由查看了明文信息", "{actor} looked at a clear value for a purpose"),
    "ownership.started": ("{actor} 登记了产权", "{actor} recorded the ownership"),
    "ownership.ended": ("{actor} 登记了产权终止", "{actor} recorded the end of the ownership"),
    "ownership.contract_updated": ("{actor} 完善了购房合同", "{actor} completed the purchase contract"),
    "ownership.contract_submitted": ("{actor} 将购房合同送审", "{actor} submitted the purchase contract"),
    "ownership.contract_filed": ("{actor} 审核备案了购房合同", "{actor} filed the purchase contract"),
    "ownership.contract_returned": ("{actor} 退回了购房合同", "{actor} returned the purchase contract"),
    "contract_payment.planned": ("{actor} 制定了购房付款计划", "{actor} made the contract's plan of payments"),
    "contract_payment.plan_changed": ("{actor} 变更了购房付款计划", "{actor} changed the contract's plan of payments"),
    "contract_payment.received": (
        "{actor} 登记了收款 {amount_fen} 元",
        "{actor} recorded a payment of {amount_fen} yuan",
    ),
    "contract_payment.reversed": (
        "{actor} 冲销了收款 {amount_fen} 元",
        "{actor} reversed a payment of {amount_fen} yuan",
    ),
    "contract_payment.reminded": ("{actor} 催款提醒", "{actor} reminded the buyers of a payment"),
    "contract_payment.due": ("购房款一期已到付款日", "An instalment of the price is due"),
    "contract_payment.overdue": ("购房款一期已逾期", "An instalment of the price is overdue"),
    "unit.transferred": ("{actor} 办理了房屋过户", "{actor} recorded the transfer of the home"),
    "owner.contact_added": ("{actor} 登记了联系人", "{actor} added a contact of the owner"),
    "owner.contact_updated": ("{actor} 修改了联系人", "{actor} changed a contact of the owner"),
    "owner.contact_ended": ("{actor} 停用了联系人", "{actor} ended a contact of the owner"),
    "household.started": ("{actor} 登记了家庭", "{actor} entered the household"),
    "household.updated": ("{actor} 修改了家庭名称", "{actor} renamed the household"),
    "household.joined": ("{actor} 登记了新的家庭成员", "{actor} added members to the household"),
    "household.left": ("{actor} 登记了家庭成员迁出", "{actor} recorded that a member left"),
    "household.ended": ("{actor} 终止了家庭记录", "{actor} ended the household"),
    "owner_group.defined": ("{actor} 新建了业主分组", "{actor} defined the group"),
    "owner_group.updated": ("{actor} 修改了业主分组", "{actor} changed the group"),
    "owner.grouped": ("{actor} 将业主加入分组", "{actor} put the owner into a group"),
    "owner.ungrouped": ("{actor} 将业主移出分组", "{actor} took the owner out of a group"),
    "owner_tag.defined": ("{actor} 新建了标签", "{actor} added the tag"),
    "owner_tag.updated": ("{actor} 修改了标签", "{actor} changed the tag"),
    "owner.tagged": ("{actor} 为业主添加了标签", "{actor} tagged the owner"),
    "owner.untagged": ("{actor} 移除了业主标签", "{actor} took a tag off the owner"),
    "owner.consented": ("{actor} 登记了业主的同意", "{actor} recorded a consent of the owner"),
    "owner.consent_withdrawn": ("{actor} 登记了业主撤回同意", "{actor} recorded a withdrawal of consent"),
    "owner_change.submitted": ("{actor} 提交了信息变更申请", "{actor} entered a change of the owner's record"),
    "owner_change.verified": ("{actor} 核实了信息变更", "{actor} verified the change"),
    "owner_change.applied": ("{actor} 将信息变更入档", "{actor} applied the change"),
    "owner_change.rejected": ("{actor} 驳回了信息变更", "{actor} rejected the change"),
    "owner_change.withdrawn": ("{actor} 撤回了信息变更", "{actor} withdrew the change"),
    "owner.identity_changed": ("经核实的信息变更已入档", "A verified change was written to the record"),
    "owner.absorbed": ("{actor} 将一份重复档案并入本档案", "{actor} merged a duplicate into this record"),
    "owner.merged": ("{actor} 将本档案并入另一份档案", "{actor} merged this record into another one"),
    "owner.told_apart": ("{actor} 判定两份相似档案并非同一人", "{actor} told two similar records apart"),
    "owner.audited": ("{actor} 审核了业主信息", "{actor} audited the owner's record"),
    "ticket.owner_merged": ("业主重复档案合并,工单随之归并", "The owner's duplicate records were merged"),
    "privacy_request.entered": ("{actor} 登记了个人信息权利请求", "{actor} entered a privacy request"),
    "privacy_request.approved": ("{actor} 批准了个人信息权利请求", "{actor} approved the privacy request"),
    "privacy_request.refused": ("{actor} 拒绝了个人信息权利请求", "{actor} refused the privacy request"),
    "privacy_request.withdrawn": ("个人信息权利请求已撤回", "The privacy request was withdrawn"),
    "privacy_request.reopened": ("个人信息权利请求须重新审批", "The privacy request must be decided again"),
    "privacy_request.done": ("个人信息权利请求已办结", "The privacy request was carried out"),
    "privacy_request.in_force": ("个人信息已限制处理", "The processing of the data is restricted"),
    "privacy_request.lifted": ("个人信息限制处理已解除", "The restriction was lifted"),
    "caller.looked_up": ("{actor} 识别了来电", "{actor} looked up a caller"),
    # Firms
    "firm.registered": ("{actor} 登记了合作单位", "{actor} registered the firm"),
    "firm.updated": ("{actor} 修改了合作单位资料", "{actor} changed the firm's record"),
    "firm.disclosed": (
        "{actor} 按事由查看了合作单位明文信息",
        "{actor} looked at a clear value of the firm for a purpose",
    ),
    "firm.bank_account_changed": ("经核实的银行账户已生效", "A verified bank account is in force"),
    "bank_account_change.submitted": (
        "{actor} 登记了合作单位银行账户变更",
        "{actor} entered a change of the firm's bank account",
    ),
    "bank_account_change.confirmed": ("{actor} 核实确认了银行账户变更", "{actor} verified and confirmed the account"),
    "bank_account_change.rejected": ("{actor} 驳回了银行账户变更", "{actor} rejected the change of account"),
    "bank_account_change.withdrawn": ("{actor} 撤回了银行账户变更", "{actor} withdrew the change of account"),
    "firm.projects_set": ("{actor} 设定了物业公司的服务项目", "{actor} set the projects the firm serves"),
    "construction_contract.signed": ("{actor} 登记了施工合同", "{actor} recorded the construction contract"),
    "repair_team.formed": ("{actor} 组建了维修队", "{actor} formed the repair team"),
    "repair_worker.hired": ("{actor} 登记了维修人员", "{actor} added a repairer"),
    "repair_worker.updated": ("{actor} 修改了维修人员资料", "{actor} changed the repairer's record"),
    # Attachments, satisfaction, policy, estate
    "file.uploaded": ("{actor} 上传了附件", "{actor} uploaded an attachment"),
    "file.deleted": ("{actor} 删除了附件", "{actor} deleted an attachment"),
    "questionnaire.created": ("{actor} 编制了满意度调查表", "{actor} drafted a questionnaire"),
    "questionnaire.updated": ("{actor} 修改了满意度调查表", "{actor} changed a questionnaire"),
    "questionnaire.published": ("{actor} 发布了满意度调查表", "{actor} published a questionnaire"),
    "survey_response.recorded": ("{actor} 录入了满意度调查", "{actor} recorded a satisfaction survey"),
    "policy.published": ("{actor} 发布了政策值", "{actor} published policy values"),
    "audit.read": ("{actor} 查阅了审计记录", "{actor} looked into the audit trail"),
    "calendar.imported": ("{actor} 导入了正式日历", "{actor} imported an official calendar"),
    "company.opened": ("{actor} 建立了公司", "{actor} opened the company"),
    "company.updated": ("{actor} 修改了公司名称", "{actor} renamed the company"),
    "project.opened": ("{actor} 建立了项目", "{actor} opened the project"),
    "project.updated": ("{actor} 修改了项目资料", "{actor} changed the project's record"),
    "building.added": ("{actor} 登记了楼栋", "{actor} added a building"),
    "building.updated": ("{actor} 修改了楼栋资料", "{actor} changed the building's record"),
    "unit.added": ("{actor} 登记了房屋", "{actor} added a home"),
    "unit.updated": ("{actor} 修改了房屋资料", "{actor} changed the home's record"),
    "unit.delivered": ("{actor} 登记了房屋交付", "{actor} recorded the delivery of the home"),
    "unit.delivery_corrected": ("{actor} 更正了交付日期", "{actor} corrected the delivery date"),
    "unit.moved_in": ("{actor} 登记了入住", "{actor} recorded the move-in"),
    "unit.moved_out": ("{actor} 登记了迁出", "{actor} recorded the move-out"),
    # People, roles, machines
    "person.created": ("{actor} 新增了人员账号", "{actor} opened an account"),
    "person.updated": ("{actor} 修改了人员资料", "{actor} changed a person's record"),
    "person.disabled": ("{actor} 停用了人员账号", "{actor} disabled an account"),
    "person.reinstated": ("{actor} 恢复了人员账号", "{actor} opened a disabled account again"),
    "person.password_reset": ("{actor} 重置了人员密码", "{actor} gave a person a new initial password"),
    "person.session_revoked": ("{actor} 强制下线了一个登录", "{actor} ended a login of a person"),
    "grant.given": ("{actor} 授予了角色 {role}", "{actor} gave the role {role}"),
    "grant.ended": ("{actor} 终止了角色 {role} 的授权", "{actor} took back the role {role}"),
    "delegation.made": ("{actor} 委托了角色 {role}", "{actor} lent the role {role}"),
    "delegation.withdrawn": ("{actor} 收回了角色 {role} 的委托", "{actor} took back the lent role {role}"),
    "client.registered": ("{actor} 登记了接入系统", "{actor} registered a machine client"),
    "client.updated": ("{actor} 修改了接入系统", "{actor} changed a machine client"),
    "client.disabled": ("{actor} 停用了接入系统", "{actor} shut a machine client out"),
    "client.reinstated": ("{actor} 恢复了接入系统", "{actor} let a machine client in again"),
    "client.secret_issued": ("{actor} 签发了接入系统密钥", "{actor} issued a secret of a machine client"),
    "client.secret_expired": ("{actor} 作废了接入系统密钥", "{actor} expired a secret of a machine client"),
}

_CLOCKS: Mapping[str, tuple[str, str]] = {
    "response": ("首次响应", "first response"),
    "investigation_start": ("启动调查", "investigation start"),
    "department_feedback": ("责任部门反馈", "department feedback"),
    "owner_feedback": ("向业主反馈结果", "owner feedback"),
    "resolution": ("投诉解决", "resolution"),
    "site_survey": ("现场勘察", "site survey"),
    "approval": ("审批", "approval"),
    "repair": ("维修", "repair"),
    "callback": ("电话回访", "callback"),
    "sales_office_feedback": ("案场投诉反馈", "sales-office feedback"),
    "facility_response": ("案场设施响应", "facility response"),
    "facility_completion": ("案场设施维修", "facility repair"),
    "contractor_confirmation": ("施工单位确认", "contractor confirmation"),
    "contractor_reminder": ("催告后确认", "confirmation after the reminder"),
}


class _Facts(dict[str, str]):
    def __missing__(self, key: str) -> str:
        return "—"


def sentence(*, kind: str, actor: str, data: Mapping[str, Any], language: Language) -> str:
    """Return an event as a sentence; facts that the event lacks read as a dash."""
    column = 0 if language == "zh-CN" else 1
    known = SENTENCES.get(kind)
    if known is None:
        return kind
    facts = _Facts({key: _word(key, value, column) for key, value in data.items()}, actor=actor)
    return known[column].format_map(facts)


def _word(key: str, value: Any, column: int) -> str:
    if key == "clock":
        names = _CLOCKS.get(str(value))
        return names[column] if names else str(value)
    if key == "role" and column == 0 and str(value) in ROLES:
        return ROLES[str(value)].zh
    try:
        if key.endswith("_fen") and isinstance(value, int):
            return fen_to_text(value)
        if key.endswith("_at") and isinstance(value, str):
            return f"{datetime.fromisoformat(value).astimezone(SHANGHAI):%Y-%m-%d %H:%M}"
    except (ValueError, OverflowError, AmountOutOfRange):
        pass  # one odd fact must not stop a feed: it is shown as it is
    return str(value)
