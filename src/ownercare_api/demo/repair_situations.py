"""What owners report as broken, and what the site survey finds, in the words of the field. `{place}` is a room."""

from dataclasses import dataclass

from ownercare_api.properties.parts import BuildingPart as Part
from ownercare_api.properties.parts import Trade
from ownercare_api.workorders.lifecycle import LiableParty

CONTRACTOR, COMPANY = LiableParty.CONTRACTOR, LiableParty.COMPANY
OWNER, THIRD = LiableParty.OWNER, LiableParty.THIRD_PARTY
BATHROOMS = ("主卧卫生间", "次卫", "公卫")
ROOMS = ("主卧", "次卧", "客厅", "书房")
_WINDOWS = ("客厅", "主卧", "次卧", "北书房", "厨房")
_BALCONIES = ("南阳台", "北阳台", "生活阳台")


@dataclass(frozen=True, slots=True)
class Line:
    """A line of the estimate; the price lies between two amounts in yuan."""

    text: str
    trade: Trade
    low: int
    high: int


@dataclass(frozen=True, slots=True)
class Repair:
    """A repair request and its survey. Each of `liable` is as likely as the others; name one twice to weigh it more."""

    part: Part
    title: str
    description: str
    cause: str
    lines: tuple[Line, ...]
    liable: tuple[LiableParty, ...]
    places: tuple[str, ...] = ("",)
    urgent: bool = False

    @property
    def trades(self) -> frozenset[Trade]:
        """Return the trades of its lines."""
        return frozenset(line.trade for line in self.lines)


MOSTLY_CONTRACTOR = (CONTRACTOR,) * 8 + (COMPANY, OWNER)
_W, _T, _PT, _P = Trade.WATERPROOFING, Trade.TILING, Trade.PAINTING, Trade.PLUMBING
_E, _H, _D = Trade.ELECTRICS, Trade.HVAC, Trade.DOORS_WINDOWS

_WET_ROOMS = (
    Repair(
        Part.WET_ROOM_WATERPROOFING,
        "{place}渗漏至楼下",
        "楼下邻居反映其{place}吊顶滴水,本户地面无明显积水,怀疑防水层破损,请尽快勘察。",
        "闭水试验 24 小时楼下出现渗漏,管根及阴角防水层开裂失效,属防水施工质量问题。",
        (
            Line("拆除饰面砖并清理基层", _T, 480, 760),
            Line("重做聚氨酯防水层 1.5 mm,闭水 48 小时", _W, 620, 1180),
            Line("恢复地砖及勾缝", _T, 560, 920),
        ),
        MOSTLY_CONTRACTOR,
        BATHROOMS,
    ),
    Repair(
        Part.WET_ROOM_WATERPROOFING,
        "{place}门槛石外侧墙面返潮发霉",
        "{place}门口外墙根乳胶漆起泡、发霉,踢脚线变形,范围约 0.8 平方米,越来越大。",
        "门槛石下未做挡水坎,水汽沿找平层外渗,属防水节点施工缺陷。",
        (
            Line("凿除门槛石并补做挡水坎、防水附加层", _W, 420, 680),
            Line("铲除起皮墙面,批腻子、刷乳胶漆两遍", _PT, 260, 430),
        ),
        MOSTLY_CONTRACTOR,
        BATHROOMS,
    ),
    Repair(
        Part.WET_ROOM_WATERPROOFING,
        "{place}地漏周边渗水",
        "{place}地漏四周砖缝渗水,楼下管根有水渍,洗澡后更明显。",
        "地漏与管根接缝密封胶脱开,局部防水附加层缺失。",
        (Line("地漏管根剔凿、补做防水附加层并封堵", _W, 320, 490),),
        MOSTLY_CONTRACTOR,
        BATHROOMS,
    ),
    Repair(
        Part.WET_ROOM_WATERPROOFING,
        "{place}渗水,室内地面有水迹",
        "连续下雨后{place}地面返水,靠客厅一侧木地板翘起两块。",
        "业主自行封闭{place}并改动地面找坡,原防水层被破坏。",
        (Line("重做阳台防水层并恢复地砖", _W, 780, 1360),),
        (OWNER, OWNER, CONTRACTOR),
        _BALCONIES,
    ),
)
_ROOF_AND_FACADE = (
    Repair(
        Part.ROOF_WATERPROOFING,
        "顶层{place}天花板渗漏",
        "顶层住户,下雨天{place}天花板出现水渍并滴水,已用盆接水,请尽快处理。",
        "屋面女儿墙泛水卷材收口开裂,雨水沿结构缝渗入。",
        (
            Line("屋面卷材局部铲除、增设附加层、热熔 SBS 卷材", _W, 3800, 9600),
            Line("室内天花铲除霉变层并恢复涂饰", _PT, 620, 1280),
        ),
        MOSTLY_CONTRACTOR,
        ROOMS,
    ),
    Repair(
        Part.ROOF_WATERPROOFING,
        "屋面排气道根部渗水,顶层住户墙面大面积受潮",
        "顶层两户共用屋面排气道处漏雨,墙面、吊顶大面积受潮,已影响正常居住。",
        "排气道出屋面根部未设防水附加层,整片屋面防水卷材空鼓,需整体翻修。",
        (
            Line("屋面防水层整体翻修(约 260 平方米)", _W, 21800, 27600),
            Line("顶层两户室内墙面、天花恢复", _PT, 2600, 3900),
        ),
        (CONTRACTOR,),
    ),
    Repair(
        Part.FACADE_WATERPROOFING,
        "{place}外窗周边渗雨水",
        "暴雨时{place}窗台及窗框下口渗水,窗下墙面起皮,去年打过一次胶没有根治。",
        "窗框与墙体间发泡不密实,外侧密封胶开裂,窗台无外倒坡。",
        (
            Line("外窗拆除旧胶、重新发泡并打耐候胶", _D, 360, 640),
            Line("窗台外侧补做防水砂浆找坡", _W, 280, 460),
        ),
        MOSTLY_CONTRACTOR,
        _WINDOWS,
    ),
    Repair(
        Part.FACADE_WATERPROOFING,
        "{place}外墙渗水,内墙发霉",
        "{place}靠外墙一侧墙面起泡、发霉,雨后加重,靠墙家具已移开。",
        "外墙螺杆洞封堵不严,外墙腻子层开裂进水。",
        (
            Line("外墙吊绳作业:螺杆洞封堵、涂刷透明防水胶", _W, 1450, 2680),
            Line("内墙铲除、批腻子、刷防霉乳胶漆", _PT, 420, 760),
        ),
        MOSTLY_CONTRACTOR,
        ROOMS,
    ),
    Repair(
        Part.FACADE_WATERPROOFING,
        "{place}窗扇关不严,漏风进水",
        "{place}推拉窗关上后仍有缝隙,下雨飘水,冬天漏风明显。",
        "窗扇下坠、锁点错位,密封胶条老化脱落。",
        (Line("调整窗扇、更换锁点及三元乙丙胶条", _D, 160, 420),),
        MOSTLY_CONTRACTOR,
        _WINDOWS,
    ),
)
_PIPES = (
    Repair(
        Part.PLUMBING,
        "{place}排水管反水",
        "{place}地漏反水有异味,洗衣机排水时从地漏冒泡沫水。",
        "排水横支管坡度不足,存水弯处有施工残留砂浆块。",
        (Line("拆检横支管、清除砂浆并调整坡度", _P, 280, 560),),
        (CONTRACTOR, CONTRACTOR, CONTRACTOR, COMPANY, OWNER),
        ("厨房", "生活阳台", "公卫"),
    ),
    Repair(
        Part.PLUMBING,
        "厨房给水管接头漏水",
        "橱柜下方给水管接头渗水,柜底板泡胀,已关闭总阀。",
        "角阀与给水管连接处生料带缠绕不足,接头松动。",
        (Line("更换角阀及连接软管、试压", _P, 120, 260),),
        MOSTLY_CONTRACTOR,
    ),
    Repair(
        Part.PLUMBING,
        "暗埋给水管爆裂,地面积水",
        "凌晨发现客厅地板下冒水,地面大量积水,已关总阀,全家无水可用,请立即派人!",
        "暗埋 PPR 管热熔接头假焊,受压爆裂。",
        (
            Line("剔槽更换爆裂管段、打压试验", _P, 380, 720),
            Line("槽口封堵、地面找平并恢复饰面砖", _T, 460, 980),
        ),
        (CONTRACTOR,) * 5 + (OWNER,),
        urgent=True,
    ),
    Repair(
        Part.PLUMBING,
        "{place}马桶冲水不畅、下水慢",
        "{place}马桶多次堵塞,疏通后仍下水慢,怀疑管道内有异物。",
        "管道内窥检查发现排污管内遗留 PVC 切割碎块。",
        (Line("拆装马桶、管道内窥检查并清理异物", _P, 220, 430),),
        (CONTRACTOR, CONTRACTOR, OWNER),
        BATHROOMS,
    ),
    Repair(
        Part.PLUMBING,
        "水压不足,热水器打不着火",
        "晚高峰水压很小,燃气热水器点不着火,物业说公区压力正常。",
        "户内减压阀滤网堵塞并失效。",
        (Line("更换户内减压阀、冲洗管路", _P, 260, 420),),
        (CONTRACTOR, COMPANY),
    ),
    Repair(
        Part.PLUMBING,
        "{place}上方立管夜间异响",
        "{place}吊顶内立管夜间有敲击声,影响休息,用水时更大。",
        "立管管卡松动,伸缩节缺失,热胀冷缩引起异响;设计未设隔声包覆。",
        (Line("补装管卡、伸缩节并包覆隔声棉", _P, 340, 680),),
        (COMPANY, COMPANY, CONTRACTOR),
        BATHROOMS,
    ),
)
_WIRES = (
    Repair(
        Part.ELECTRICS,
        "{place}插座没电",
        "{place}一面墙的三个插座没电,其他房间正常,空开未跳。",
        "线盒内接头虚接、导线氧化烧断。",
        (Line("开盒检修、重新压接并做绝缘测试", _E, 110, 260),),
        MOSTLY_CONTRACTOR,
        ROOMS,
    ),
    Repair(
        Part.ELECTRICS,
        "家中频繁跳闸",
        "近一周漏电保护器频繁跳闸,把厨房回路断开后正常,不敢开烤箱。",
        "厨房回路零线与地线在线盒内搭接,属接线错误。",
        (Line("逐回路绝缘测试、整改错误接线", _E, 180, 360),),
        MOSTLY_CONTRACTOR,
    ),
    Repair(
        Part.ELECTRICS,
        "入户整屋断电,疑似电缆故障",
        "全屋断电,物业检查电表箱正常,疑似入户线故障,家中有老人用制氧机,请立即处理!",
        "入户电缆在桥架转弯处外皮破损击穿。",
        (Line("更换入户电缆段及终端头", _E, 680, 1460),),
        (CONTRACTOR, CONTRACTOR, COMPANY),
        urgent=True,
    ),
    Repair(
        Part.ELECTRICS,
        "可视对讲呼不通",
        "访客按门铃室内机无反应,开锁键失灵,物业已重启过单元主机。",
        "弱电箱内对讲总线水晶头氧化。",
        (Line("更换对讲室内机接线及水晶头、联调", _E, 90, 240),),
        MOSTLY_CONTRACTOR,
    ),
)
_CLIMATE = (
    Repair(
        Part.HEATING_COOLING,
        "{place}地暖不热",
        "供暖一周了{place}地面不热,其他房间正常,室温只有 15 度。",
        "分集水器该支路过滤器堵塞,管内有气,调试不到位。",
        (Line("冲洗支路、排气并重新调试水力平衡", _H, 200, 460),),
        MOSTLY_CONTRACTOR,
        ROOMS,
    ),
    Repair(
        Part.HEATING_COOLING,
        "中央空调{place}内机滴水",
        "中央空调{place}出风口滴水,吊顶石膏板已泡软变色。",
        "冷凝水管倒坡,保温层脱开结露。",
        (
            Line("调整冷凝水管坡度、修补保温", _H, 320, 640),
            Line("更换受潮吊顶接线盒并检测绝缘", _E, 120, 260),
        ),
        MOSTLY_CONTRACTOR,
        ROOMS,
    ),
    Repair(
        Part.HEATING_COOLING,
        "分集水器接头漏水",
        "厨房分集水器下方有水迹,接头处不断滴水,用毛巾包着。",
        "分集水器活接密封圈老化,接头未锁紧。",
        (
            Line("更换密封圈、紧固接头并打压", _P, 160, 340),
            Line("系统补水排气、调试", _H, 120, 220),
        ),
        MOSTLY_CONTRACTOR,
    ),
    Repair(
        Part.HEATING_COOLING,
        "新风系统噪声大、风量小",
        "新风主机夜间噪声大,卧室出风口几乎没风,清洗滤网后无改善。",
        "主机减震吊杆缺失、风管软接弯折;设计风管截面偏小。",
        (Line("加装减震吊架、重做软接并调整风阀", _H, 460, 980),),
        (COMPANY, CONTRACTOR),
    ),
)

STRUCTURE_REPAIRS: tuple[Repair, ...] = (*_WET_ROOMS, *_ROOF_AND_FACADE, *_PIPES, *_WIRES, *_CLIMATE)
"""Repairs of owners' homes: water, walls, pipes, wires, heating and cooling."""
