"""What owners and the sales office report as broken: finishes, equipment, facilities. See `repair_situations`."""

from ownercare_api.demo.repair_situations import (
    COMPANY,
    CONTRACTOR,
    MOSTLY_CONTRACTOR,
    OWNER,
    ROOMS,
    THIRD,
    Line,
    Repair,
)
from ownercare_api.properties.parts import BuildingPart as Part
from ownercare_api.properties.parts import Trade

_T, _M, _PT, _P = Trade.TILING, Trade.MASONRY, Trade.PAINTING, Trade.PLUMBING
_E, _H, _C = Trade.ELECTRICS, Trade.HVAC, Trade.CARPENTRY
_D, _Q = Trade.DOORS_WINDOWS, Trade.EQUIPMENT

_FINISHES = (
    Repair(
        Part.DECORATION,
        "{place}墙砖空鼓脱落",
        "{place}墙砖空鼓约十余块,昨天掉下一块,怕砸到孩子。",
        "墙砖背面粘结剂涂布率不足,属铺贴质量问题。",
        (Line("铲除空鼓墙砖、重新铺贴并勾缝", _T, 680, 1680),),
        MOSTLY_CONTRACTOR,
        ("厨房", "主卧卫生间", "公卫"),
    ),
    Repair(
        Part.DECORATION,
        "{place}墙面开裂",
        "{place}门洞上方斜向裂缝约 60 厘米,可塞进名片,担心结构安全。",
        "砌体与构造柱交接处未挂网,抹灰层收缩开裂,不影响结构。",
        (
            Line("开槽挂网、抗裂砂浆修补", _M, 260, 520),
            Line("批腻子、整面墙刷乳胶漆两遍", _PT, 320, 620),
        ),
        MOSTLY_CONTRACTOR,
        ROOMS,
    ),
    Repair(
        Part.DECORATION,
        "{place}木地板起拱、踩踏有响声",
        "{place}木地板中间起拱,踩上去咯吱响,已移开家具。",
        "地板四周未留伸缩缝,地面找平含水率偏高。",
        (Line("拆除起拱地板、切缝后重新铺装", _C, 420, 980),),
        (CONTRACTOR, CONTRACTOR, CONTRACTOR, OWNER),
        ROOMS,
    ),
    Repair(
        Part.DECORATION,
        "户内门变形关不上",
        "次卧门下垂擦地、锁舌对不上,关门要用力提。",
        "合页螺钉松脱、门套基层未打实。",
        (
            Line("加固门套基层、更换合页", _C, 150, 280),
            Line("调整门锁及密封条", _D, 60, 120),
        ),
        MOSTLY_CONTRACTOR,
    ),
    Repair(
        Part.DECORATION,
        "{place}乳胶漆大面积起皮",
        "{place}墙面乳胶漆成片起皮掉粉,手一摸一层白灰。",
        "腻子强度不足、基层未做界面处理。",
        (Line("铲除粉化腻子、刷界面剂、重新批刮涂饰", _PT, 880, 1960),),
        MOSTLY_CONTRACTOR,
        ROOMS,
    ),
    Repair(
        Part.DECORATION,
        "橱柜台面开裂",
        "厨房石英石台面水槽转角处开裂约 20 厘米,裂缝渗水。",
        "水槽开孔转角未做圆角处理,应力集中开裂。",
        (Line("更换橱柜石英石台面(含拆装水槽)", _C, 1380, 2560),),
        (CONTRACTOR, CONTRACTOR, OWNER),
    ),
    Repair(
        Part.DECORATION,
        "淋浴房玻璃自爆",
        "主卫淋浴房玻璃昨晚突然自爆,满地碎渣,人没有受伤,请尽快更换。",
        "钢化玻璃自爆;五金夹具紧固过紧,边部有崩边。",
        (Line("更换淋浴房钢化玻璃(贴防爆膜)及五金", _D, 760, 1320),),
        (CONTRACTOR, CONTRACTOR, THIRD),
    ),
)
_EQUIPMENT = (
    Repair(
        Part.EQUIPMENT,
        "燃气热水器不出热水",
        "交付时配的燃气热水器报 E1 故障,打不着火,已换过电池。",
        "脉冲点火器失效,属设备质量问题。",
        (Line("联系厂家更换点火器总成并调试", _Q, 180, 380),),
        (CONTRACTOR, CONTRACTOR, THIRD),
    ),
    Repair(
        Part.EQUIPMENT,
        "智能门锁指纹失灵",
        "入户智能门锁指纹、密码都打不开,只能用机械钥匙。",
        "门锁主板受潮短路。",
        (Line("更换门锁主板、重新配对", _Q, 260, 520),),
        (CONTRACTOR, CONTRACTOR, COMPANY, OWNER),
    ),
    Repair(
        Part.EQUIPMENT,
        "抽油烟机倒灌串味",
        "邻居做饭时厨房串味严重,抽油烟机止逆阀疑似失效。",
        "公共烟道止逆阀安装反向,排烟口未密封。",
        (Line("更换止逆阀、密封排烟口", _Q, 140, 320),),
        MOSTLY_CONTRACTOR,
    ),
    Repair(
        Part.EQUIPMENT,
        "户内配电箱异响发烫",
        "配电箱有滋滋声,箱门发烫,闻到焦味,已断开总闸。",
        "总开关端子松动发热,开关触头烧蚀。",
        (
            Line("更换总开关及母排、紧固端子", _E, 260, 480),
            Line("红外测温复检并更换箱体附件", _Q, 120, 210),
        ),
        MOSTLY_CONTRACTOR,
        urgent=True,
    ),
)

FITTING_REPAIRS: tuple[Repair, ...] = (*_FINISHES, *_EQUIPMENT)
"""Repairs of finishes and equipment in owners' homes."""

FACILITY_REPAIRS: tuple[Repair, ...] = (
    Repair(
        Part.ELECTRICS,
        "沙盘区射灯不亮",
        "沙盘区域六盏射灯不亮,影响客户看沙盘。",
        "射灯驱动电源老化损坏。",
        (Line("更换射灯驱动电源 6 只", _E, 180, 360),),
        (COMPANY,),
    ),
    Repair(
        Part.PLUMBING,
        "客户洗手间感应龙头不出水",
        "一楼客户洗手间两个感应龙头不出水,客户已反映。",
        "感应龙头电磁阀损坏。",
        (Line("更换感应龙头电磁阀", _P, 160, 320),),
        (COMPANY, CONTRACTOR),
    ),
    Repair(
        Part.HEATING_COOLING,
        "洽谈区空调不制冷",
        "洽谈区风管机出热风,周末客流大,客户抱怨闷热。",
        "室外机冷媒泄漏,接头喇叭口开裂。",
        (Line("检漏、更换接头并补充冷媒", _H, 380, 780),),
        (COMPANY,),
    ),
    Repair(
        Part.DECORATION,
        "样板间地砖松动",
        "143 样板间玄关地砖松动翘角,易绊倒客户。",
        "人流频繁踩踏,粘结层空鼓。",
        (Line("更换松动地砖 4 块", _T, 160, 340),),
        (COMPANY, CONTRACTOR),
    ),
    Repair(
        Part.EQUIPMENT,
        "入口自动感应门关不上",
        "案场入口感应门卡在半开状态,冷气外泄,保安手动看守。",
        "感应门皮带磨损、控制器故障。",
        (Line("更换皮带、控制器并调试", _Q, 320, 460),),
        (COMPANY,),
    ),
    Repair(
        Part.ELECTRICS,
        "影音室投影不启动",
        "影音室投影机无法开机,宣传片放不了,下午有团购客户到访。",
        "影音室回路漏电保护器跳闸,插座短路。",
        (Line("更换插座、排查短路点", _E, 110, 240),),
        (COMPANY, CONTRACTOR),
        urgent=True,
    ),
)
"""Repairs of the sales office's facilities (REP-20)."""
