"""Complaints, questions, suggestions and praise, in the words of the field."""

from dataclasses import dataclass

from ownercare_api.tickets.lifecycle import Category, CauseClass, Domain


@dataclass(frozen=True, slots=True)
class Talk:
    """A case without repair work: what was said, who answers for it, and what came of it."""

    category: Category
    cause: CauseClass
    department: str
    title: str
    description: str
    result: str
    demand: str | None = None
    urgent: bool = False
    claims_yuan: tuple[int, int] | None = None
    """Some callers claim compensation between two amounts in yuan."""
    domain: Domain = Domain.OWNER_HOME
    before_handover: bool = False
    """Said by buyers who wait for their home."""


_COMPLAINT, _QUESTION = Category.COMPLAINT, Category.CONSULTATION
_IDEA, _PRAISE = Category.SUGGESTION, Category.PRAISE
_DESIGN, _BUILDING = CauseClass.DESIGN, CauseClass.CONSTRUCTION_QUALITY
_SALES, _PROPERTY, _OTHER = CauseClass.SALES_CONTRACT, CauseClass.PROPERTY_SERVICE, CauseClass.OTHER
_CS, _ENGINEERING, _DESIGNERS, _SELLERS = "customer_service", "engineering_material", "design", "sales_operations"

COMPLAINTS: tuple[Talk, ...] = (
    Talk(_COMPLAINT, _PROPERTY, _CS, "电梯频繁停运", "单元两部电梯一周内停运三次,老人上下楼不便,物业只说在修。",
         "已督促物业公司约维保单位更换门机板,停运原因及检修记录已公示。", "限期修好并公示维保记录"),
    Talk(_COMPLAINT, _PROPERTY, _CS, "地下车库长期积水", "负二层车库排水沟返水,车位常年有积水,多次反映未解决。",
         "集水井浮球失灵已更换,物业增加雨天巡查,现场复核无积水。", "彻底解决积水"),
    Talk(_COMPLAINT, _PROPERTY, _CS, "楼上装修违规时间施工", "楼上中午和晚上七点后仍在打孔,管家劝阻无效。",
         "物业已下发整改通知并约谈装修负责人,重申施工时段,连续三日巡查未再发生。", "严格管理装修时间"),
    Talk(_COMPLAINT, _PROPERTY, _CS, "保洁不到位,楼道堆放杂物", "楼道地面多日未拖,消防通道堆放纸箱、鞋柜。",
         "物业当日清理杂物并张贴告知,保洁频次恢复为每日两次,专员现场复查合格。"),
    Talk(_COMPLAINT, _PROPERTY, _CS, "门岗放行陌生人员入园", "夜间外卖、推销人员随意进出,门岗未登记。",
         "已要求物业落实访客登记并调整夜班岗位,出具质检扣分单。"),
    Talk(_COMPLAINT, _PROPERTY, _CS, "公区照明损坏两周未修", "园区步道地灯坏了一片,晚上看不清台阶,老人险些摔倒。",
         "已更换地灯 14 盏,物业建立公区照明周检表。", "尽快恢复照明"),
    Talk(_COMPLAINT, _PROPERTY, _CS, "物业收费项目不清", "缴费单多出一项公共能耗费,物业解释前后不一。",
         "已由物业书面说明公摊依据并公示上季度用量,多计部分退回。", "说明依据并退还多收费用"),
    Talk(_COMPLAINT, _BUILDING, _ENGINEERING, "同一处渗漏维修三次仍复发",
         "外窗渗水修了三次,每次下雨又漏,影响居住,要求给出根治方案。",
         "工程材料部组织复勘,确认窗口外保温收口缺陷,已制定整体打胶及泛水整改方案并完成。", "出具根治方案并赔偿墙面损失",
         claims_yuan=(1500, 12000)),
    Talk(_COMPLAINT, _BUILDING, _ENGINEERING, "楼板隔声差,上下楼干扰严重",
         "楼上走路、拖椅子听得一清二楚,怀疑楼板厚度不足。",
         "现场抽测楼板厚度及撞击声隔声量均符合设计及规范,检测报告已送达并解释。", "检测楼板厚度"),
    Talk(_COMPLAINT, _BUILDING, _ENGINEERING, "交付房屋空鼓率高", "验房公司查出空鼓 27 处,施工单位只肯修一半。",
         "工程材料部会同业主逐处复核,确认超标空鼓 19 处并由施工单位全部整改,复验合格。", "全部整改并延长保修"),
    Talk(_COMPLAINT, _BUILDING, _ENGINEERING, "维修后现场未清理、成品被污染", "维修工走后地板上全是砂浆,沙发被划破。",
         "维修队上门清洁并向业主致歉,沙发修复费用由责任班组承担。", "清洁并赔偿沙发", claims_yuan=(600, 3200)),
    Talk(_COMPLAINT, _DESIGN, _DESIGNERS, "厨房烟道占位过大,冰箱放不下", "实际烟道比图纸大,标准对开门冰箱放不进去。",
         "设计研发部复核,烟道尺寸与施工图一致,已提供橱柜调整方案并补贴改柜费用。", "给出解决方案"),
    Talk(_COMPLAINT, _DESIGN, _DESIGNERS, "空调外机位散热不良", "外机位百叶过密,夏天空调频繁高温停机。",
         "设计研发部核定百叶开口率不足,已统一更换为大开口百叶。", "更换百叶"),
    Talk(_COMPLAINT, _DESIGN, _DESIGNERS, "车位柱子影响开门", "车位一侧结构柱,停车后车门打不开。",
         "设计研发部现场复核车位净宽,符合规范下限,协调物业调换相邻车位。", "调换车位"),
    Talk(_COMPLAINT, _SALES, _SELLERS, "学区与销售承诺不符", "购房时销售口头承诺对口实验小学,现公布的学区不是。",
         "调取合同及公示资料,合同未约定学区;销售部向业主当面说明并致歉,完善案场公示。", "兑现承诺或赔偿",
         claims_yuan=(10000, 80000)),
    Talk(_COMPLAINT, _SALES, _SELLERS, "精装标准与样板房不一致", "交付的卫浴品牌与样板房不同,合同附件写的是同等档次。",
         "销售部与工程材料部核对合同附件及封样,差价按封样标准予以补偿。", "更换或补差价", claims_yuan=(3000, 16000)),
    Talk(_COMPLAINT, _SALES, _SELLERS, "不动产权证办理迟缓", "收房一年多产证还没办下来,影响孩子入学和贷款。",
         "已查明为业主补税资料缺失,专人协助补齐并取得受理通知书。", "明确办证时间"),
    Talk(_COMPLAINT, _OTHER, _CS, "多次来电无人回复", "上周打了三次电话都说会回电,至今没有人联系我。",
         "核查来电登记,确认回电遗漏,已向业主致歉并落实首问责任,当班人员纳入考核。", "道歉并专人跟进"),
    Talk(_COMPLAINT, _OTHER, _CS, "多户业主集中反映供暖温度不达标",
         "整栋楼十几户室温低于 16 度,业主群情绪激动,要求集体说明会。",
         "协调供热单位与工程材料部连夜调试换热站,次日测温均达 20 度以上,已召开说明会。", "当天恢复供暖", urgent=True),
    Talk(_COMPLAINT, _SALES, _SELLERS, "交房时间延后未提前告知",
         "合同约定十月底交房,没有人提前通知延期,租房合同已到期。",
         "销售部书面说明延期原因与新交付日期,按合同约定计付违约金。", "按合同支付违约金",
         claims_yuan=(2000, 9500), before_handover=True),
    Talk(_COMPLAINT, _OTHER, _CS, "工地扬尘噪声扰民", "自家房子还没交,但路过工地夜间施工噪声大、扬尘重。",
         "已督促总包单位落实夜间停工及喷淋降尘,并在业主群通报。", before_handover=True),
)  # fmt: skip

CONSULTATIONS: tuple[Talk, ...] = (
    Talk(_QUESTION, _SALES, _SELLERS, "咨询不动产权证办理流程", "想了解产证办理需要哪些资料、要多久。",
         "已告知所需资料清单、办理窗口及约 30 个工作日的周期。"),
    Talk(_QUESTION, _OTHER, _CS, "咨询保修范围与期限", "厨房水管还在保修期吗,保修到什么时候?",
         "已按交付日期说明给排水管道保修 24 个月,并告知报修渠道。"),
    Talk(_QUESTION, _PROPERTY, _CS, "咨询装修申请手续", "准备改造次卧,想问装修押金和承重墙要求。",
         "已说明装修报备流程、押金标准及禁止拆改范围,转物业办理。"),
    Talk(_QUESTION, _PROPERTY, _CS, "咨询车位租赁", "想租一个地下车位,怎么申请,多少钱?",
         "已告知租金标准及物业登记方式,并登记排队。"),
    Talk(_QUESTION, _OTHER, _CS, "咨询变更联系电话", "换了手机号,怎么更新业主档案?",
         "已按变更核实流程说明,核验身份后由专员更新。"),
    Talk(_QUESTION, _SALES, _SELLERS, "咨询公积金贷款放款进度", "公积金贷款什么时候放款,还需要补材料吗?",
         "已查询并告知放款批次,资料齐全无需补充。"),
    Talk(_QUESTION, _PROPERTY, _CS, "咨询宠物登记", "小区养狗需要办什么手续?",
         "已告知犬证及园区文明养犬公约,转物业登记。"),
    Talk(_QUESTION, _BUILDING, _ENGINEERING, "咨询地暖首次使用注意事项", "第一次开地暖,温度怎么调,需要先排气吗?",
         "工程材料部提供地暖使用说明并电话指导排气、逐步升温。"),
    Talk(_QUESTION, _DESIGN, _DESIGNERS, "索取户型水电竣工图", "装修需要水电管线图,去哪里拿?",
         "已核验身份并提供本户水电竣工图电子版。"),
    Talk(_QUESTION, _OTHER, _CS, "咨询业主会活动报名", "听说有亲子种植活动,怎么报名?",
         "已登记报名并告知集合时间、地点。"),
    Talk(_QUESTION, _SALES, _SELLERS, "咨询工程进度", "现在盖到几层了,什么时候可以预约参观工地?",
         "已告知当前形象进度及工地开放日安排。", before_handover=True),
    Talk(_QUESTION, _SALES, _SELLERS, "咨询交付时间与收房资料", "请问什么时候交房,需要准备哪些资料?",
         "已告知集中交付时间、预约方式及所需证件清单。", before_handover=True),
    Talk(_QUESTION, _SALES, _SELLERS, "咨询契税与维修资金缴纳", "契税和维修资金在哪里交,能不能用公积金?",
         "已说明缴纳标准、渠道及所需凭证。", before_handover=True),
)  # fmt: skip

SUGGESTIONS: tuple[Talk, ...] = (
    Talk(_IDEA, _PROPERTY, _CS, "建议增设快递柜", "双十一快递堆满大堂,建议每栋增设快递柜。",
         "已采纳,物业增设两组快递柜并调整堆放区。"),
    Talk(_IDEA, _PROPERTY, _CS, "建议儿童游乐区加装遮阳", "夏天滑梯烫手,建议加装遮阳篷。",
         "已纳入公区提升计划,预计下季度实施,并告知业主。"),
    Talk(_IDEA, _DESIGN, _DESIGNERS, "建议玄关预留智能柜插座", "玄关没有插座,鞋柜消毒和智能镜没法用,建议后续项目改进。",
         "设计研发部采纳,写入后续项目前期策划意见。"),
    Talk(_IDEA, _OTHER, _CS, "建议维修进度可在线查询", "报修后不知道进展,建议短信或小程序推送节点。",
         "已采纳,上线关键节点短信告知。"),
    Talk(_IDEA, _PROPERTY, _CS, "建议规划电动车充电区", "充电桩太少,有人飞线充电,存在安全隐患。",
         "物业新增 24 个充电位并开展飞线整治。"),
    Talk(_IDEA, _OTHER, _CS, "建议增加周末客服值班", "上班族平时没空,建议周末也能现场办理。",
         "已调整排班,周末客户服务处安排一名值班人员。"),
    Talk(_IDEA, _SALES, _SELLERS, "建议交付前开放验房预约系统", "希望可以自选时段,避免现场排队。",
         "已上线分时预约,交付期间按时段分流。", before_handover=True),
)  # fmt: skip

PRAISES: tuple[Talk, ...] = (
    Talk(_PRAISE, _PROPERTY, _CS, "表扬管家上门帮助老人", "父母独自在家,管家冒雨送药上门,非常感谢。",
         "已转达表扬并通报物业公司,计入服务激励。"),
    Talk(_PRAISE, _OTHER, _CS, "表扬维修师傅细致负责", "师傅上门自带鞋套和防尘布,修完还帮忙打扫干净。",
         "已转达维修队,纳入季度服务激励评定。"),
    Talk(_PRAISE, _OTHER, _CS, "感谢客服专员耐心协调", "漏水问题拖了很久,专员天天跟进,终于解决了。",
         "已向专员转达感谢,作为案例分享。"),
    Talk(_PRAISE, _PROPERTY, _CS, "表扬保安拾金不昧", "钱包落在大堂,保安捡到后主动联系归还。",
         "已通报表扬并建议物业给予奖励。"),
    Talk(_PRAISE, _SALES, _SELLERS, "表扬置业顾问跟进及时", "从认购到交房一直有人跟进提醒,服务很好。",
         "已转达经营销售部。", before_handover=True),
)  # fmt: skip

SALES_OFFICE: tuple[Talk, ...] = (
    Talk(_COMPLAINT, _SALES, _SELLERS, "预约看房到场无人接待", "提前预约了十点看房,到了等四十分钟没人接待。",
         "核查预约系统漏派,已致歉并安排主管专人接待,优化预约提醒。", "道歉", domain=Domain.SALES_OFFICE),
    Talk(_COMPLAINT, _SALES, _SELLERS, "优惠折扣口径不一致", "两个顾问说的折扣不一样,认购时又变了。",
         "统一公示优惠方案,差额部分按对客户有利的口径执行。", "按先前承诺执行", domain=Domain.SALES_OFFICE),
    Talk(_COMPLAINT, _SALES, _SELLERS, "认购金退还迟缓", "贷款没批下来,申请退认购金两周没有到账。",
         "财务已完成退款,销售部补发退款进度告知。", "尽快退款", domain=Domain.SALES_OFFICE),
    Talk(_COMPLAINT, _OTHER, _SELLERS, "案场停车引导混乱", "周末停车没人引导,车被堵了一个小时。",
         "增派周末车辆引导员并增设临停区,回访客户认可。", domain=Domain.SALES_OFFICE),
    Talk(_COMPLAINT, _SALES, _SELLERS, "样板间与交付标准说明不清",
         "样板间的中央空调和地暖到底是不是交付标准,说法不一。",
         "更新样板间标识牌,逐项注明交付标准与非交付展示。", "书面说明", domain=Domain.SALES_OFFICE),
    Talk(_QUESTION, _SALES, _SELLERS, "咨询首付分期与按揭", "首付能不能分期,商贷利率多少?",
         "已由置业顾问说明付款方式及银行利率,提供测算单。", domain=Domain.SALES_OFFICE),
    Talk(_QUESTION, _SALES, _SELLERS, "咨询剩余房源与楼层差价", "想要中间楼层的三房,还有哪些,楼层差价多少?",
         "已提供可售房源及一房一价表。", domain=Domain.SALES_OFFICE),
    Talk(_QUESTION, _SALES, _SELLERS, "咨询周边配套规划", "地铁站和学校什么时候建成?",
         "已按政府公示信息说明,并提示以主管部门公告为准。", domain=Domain.SALES_OFFICE),
    Talk(_QUESTION, _SALES, _SELLERS, "咨询老带新优惠", "我是云栖雅苑业主,推荐朋友买有什么优惠?",
         "已说明老业主推荐政策及领取方式。", domain=Domain.SALES_OFFICE),
    Talk(_IDEA, _OTHER, _SELLERS, "建议案场增设儿童区", "带孩子看房很不方便,建议设一个儿童活动角。",
         "已采纳,二楼增设儿童活动区。", domain=Domain.SALES_OFFICE),
    Talk(_PRAISE, _SALES, _SELLERS, "表扬前台接待热情周到", "下雨天前台主动送伞接待,讲解很细致。",
         "已转达并在例会通报表扬。", domain=Domain.SALES_OFFICE),
)  # fmt: skip
