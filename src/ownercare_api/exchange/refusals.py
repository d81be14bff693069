"""Why a file is not read at all, and where the first reason stands."""

from ownercare_api.core.errors import FieldError, Invalid, TooLarge, UnsupportedMedia

REASONS: dict[str, tuple[str, str]] = {
    # what it is
    "old_workbook": ("旧版 .xls 工作簿,请另存为 .xlsx", "an old .xls workbook; save it as .xlsx"),
    "open_document": ("OpenDocument 表格,请另存为 .xlsx", "an OpenDocument spreadsheet; save it as .xlsx"),
    "html": ("网页文件冒充表格", "a web page that poses as a spreadsheet"),
    "other_type": ("不是 .xlsx 或 CSV 文件", "neither .xlsx nor CSV"),
    # what is in the archive
    "encrypted": ("文件已加密,请去除密码后上传", "it is encrypted; remove the password"),
    "macros": ("文件含有宏", "it has macros"),
    "external_links": ("文件含有外部链接、数据连接或 DDE", "it has external links, data connections or DDE"),
    "embedded_objects": ("文件含有嵌入对象或控件", "it has embedded objects or controls"),
    "nested_archive": ("压缩包内还有压缩包", "it has an archive inside"),
    "unsafe_path": ("压缩包内的文件名不安全", "a name inside the archive is not safe"),
    "too_many_entries": ("压缩包内的文件过多", "the archive has too many entries"),
    "unpacked_too_large": ("解压后过大", "it is too large when unpacked"),
    "entities": ("文件中的 XML 含有文档类型或实体声明", "its XML declares a document type or entities"),
    "formula": ("单元格 {cell} 为公式,请粘贴为数值后上传", "cell {cell} is a formula; paste values only"),
    "malformed": ("文件已损坏", "it is damaged"),
    # what is in the table
    "encoding_unknown": ("文字编码无法识别,请用 UTF-8 或 GB18030", "its encoding is neither UTF-8 nor GB18030"),
    "control_characters": ("含有不可见控制字符", "it has control characters"),
    "csv_broken": ("CSV 引号不配对或格式有误", "its quotes do not match"),
    "empty": ("没有数据行", "it has no rows"),
    "too_many_rows": ("行数超过 10 万", "it has more than 100,000 rows"),
    "too_many_columns": ("列数超过 60", "it has more than 60 columns"),
    "column_missing": ("缺少必填列“{column}”", "the column {column} is missing"),
    "column_repeated": ("列“{column}”重复", "the column {column} stands there twice"),
    # what came between checking and applying
    "rows_invalid": ("有不能导入的行,整批未导入", "some rows can't be taken over, so none was"),
    "register_changed": ("校验之后档案已有变动,整批未导入,请重新上传", "the register has changed since; upload again"),
    "authority_lost": ("申请人已无此项目的导入权限", "who asked may no longer import into the project"),
    "file_gone": ("原文件已过保存期", "the uploaded file is no longer kept"),
}
"""Reason codes with their words."""


def words(reason: str, **params: str | tuple[str, str]) -> tuple[str, str]:
    """Return a reason in Chinese and English."""
    zh, en = REASONS[reason]
    return (
        zh.format(**{name: value[0] if isinstance(value, tuple) else value for name, value in params.items()}),
        en.format(**{name: value[1] if isinstance(value, tuple) else value for name, value in params.items()}),
    )


class RosterRefused(Invalid):
    """422: the file is not read: unsafe, damaged or without the columns it needs; `errors[0].code` says which."""

    code = "roster_refused"
    zh, en = "名册文件不能导入:{reason}。", "The roster can't be imported: {reason}."
    rules = ("OWN-04", "OWN-15")

    def __init__(self, reason: str, **params: str | tuple[str, str]) -> None:
        zh, en = words(reason, **params)
        self.reason = reason
        self.where = next(iter(params.values()), None)
        super().__init__(reason=(zh, en), errors=(FieldError("#/file", reason, zh, en),))


class WrongRosterType(UnsupportedMedia):
    """415: the bytes are neither .xlsx nor CSV, whatever the name says; `errors[0].code` says what they are."""

    code = "roster_type_not_allowed"
    zh = "名册须为 .xlsx 或 CSV 文件:{reason}。"
    en = "A roster is an .xlsx or CSV file: {reason}."

    def __init__(self, reason: str) -> None:
        zh, en = words(reason)
        self.reason = reason
        super().__init__(reason=(zh, en), errors=(FieldError("#/file", reason, zh, en),))


class RosterTooLarge(TooLarge):
    """413: bigger than a roster may be."""

    code = "roster_too_large"
    zh, en = "名册文件过大,至多 {max_bytes} 字节。", "The roster is too large; at most {max_bytes} bytes."
