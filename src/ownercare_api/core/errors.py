"""The families of refusals. A room subclasses one beside the code that raises it; `core.http` maps families to HTTP.

Every class carries a stable `code` and a cause in Chinese and English. Templates are filled from keyword
arguments, which must never hold what the caller submitted or personal data: they are printed back.
"""

from dataclasses import dataclass
from typing import ClassVar, Literal

Language = Literal["zh-CN", "en"]


@dataclass(frozen=True, slots=True)
class FieldError:
    """One fault of the input: a JSON pointer, a stable code, a cause in both languages."""

    pointer: str
    code: str
    zh: str
    en: str


class DomainError(Exception):
    """Base of every refusal that a caller may meet."""

    status: ClassVar[int] = 500
    code: ClassVar[str] = "internal_error"
    title_zh: ClassVar[str] = "服务器内部错误"
    title_en: ClassVar[str] = "Internal server error"
    zh: ClassVar[str] = "系统出现意外错误,已记录,请稍后再试。"
    en: ClassVar[str] = "Something unexpected went wrong; it has been recorded. Please try again later."
    rules: ClassVar[tuple[str, ...]] = ()

    def __init__(
        self,
        *,
        errors: tuple[FieldError, ...] = (),
        headers: dict[str, str] | None = None,
        **params: object,
    ) -> None:
        super().__init__(self.code)
        self.params = params
        self.errors = errors
        self.headers = headers or {}

    def detail(self, language: Language) -> str:
        """Return the cause in the caller's language."""
        template = self.zh if language == "zh-CN" else self.en
        return template.format(**{key: _word(value, language) for key, value in self.params.items()})

    def title(self, language: Language) -> str:
        """Return the family's name in the caller's language."""
        return self.title_zh if language == "zh-CN" else self.title_en

    def __str__(self) -> str:
        return f"{self.code}: {self.detail('en')}"


def _word(value: object, language: Language) -> object:
    """Let a parameter be a pair (Chinese, English) where a word differs between the languages."""
    if isinstance(value, tuple) and len(value) == 2:
        return value[0] if language == "zh-CN" else value[1]
    return value


class BadRequest(DomainError):
    """400: the request itself can't be read, or lacks a header it must have."""

    status = 400
    code = "bad_request"
    title_zh, title_en = "请求无法识别", "Bad request"
    zh, en = "请求格式有误,无法解析。", "The request could not be read."


class Unauthenticated(DomainError):
    """401: the caller is unknown."""

    status = 401
    code = "unauthenticated"
    title_zh, title_en = "未登录", "Not authenticated"
    zh = "请先登录:缺少有效的访问令牌,或令牌已过期、已撤销。"
    en = "Log in first: the access token is missing, expired or revoked."


class Forbidden(DomainError):
    """403: the caller may see it but not do it."""

    status = 403
    code = "forbidden"
    title_zh, title_en = "无权操作", "Forbidden"
    zh, en = "您没有执行此操作的权限。", "You are not allowed to do this."


class NotFound(DomainError):
    """404: missing, or not visible to the caller; the two can't be told apart."""

    status = 404
    code = "not_found"
    title_zh, title_en = "未找到", "Not found"
    zh, en = "所请求的内容不存在,或您无权查看。", "It does not exist, or you may not see it."


class Conflict(DomainError):
    """409: the thing is in a state that does not allow the step."""

    status = 409
    code = "conflict"
    title_zh, title_en = "状态冲突", "Conflict"
    zh, en = "当前状态不允许此操作。", "The present state does not allow this."


class Stale(DomainError):
    """412: changed by somebody else since the caller read it."""

    status = 412
    code = "stale"
    title_zh, title_en = "数据已变更", "Precondition failed"
    zh = "内容在您读取之后已被他人修改,请重新读取后再提交。"
    en = "It has been changed since you read it; read it again and resubmit."


class TooLarge(DomainError):
    """413: the body is bigger than this operation takes."""

    status = 413
    code = "body_too_large"
    title_zh, title_en = "请求体过大", "Content too large"
    zh, en = "请求体超过允许的大小。", "The body is larger than this operation accepts."


class UnsupportedMedia(DomainError):
    """415: the body is of a type this operation does not take."""

    status = 415
    code = "unsupported_media_type"
    title_zh, title_en = "不支持的内容类型", "Unsupported media type"
    zh, en = "不支持此内容类型。", "This content type is not accepted here."


class Invalid(DomainError):
    """422: well-formed but wrong; `errors` points at each fault."""

    status = 422
    code = "validation_failed"
    title_zh, title_en = "内容校验未通过", "Validation failed"
    zh, en = "提交的内容不符合要求,详见 errors。", "The content is not acceptable; see errors."


class PreconditionRequired(DomainError):
    """428: `If-Match` must be sent."""

    status = 428
    code = "precondition_required"
    title_zh, title_en = "缺少前置条件", "Precondition required"
    zh = "修改前须在 If-Match 请求头中带上读取时得到的 ETag。"
    en = "Send the ETag you read in the If-Match header before changing this."


class TooMany(DomainError):
    """429: over a limit; `Retry-After` says when to come back."""

    status = 429
    code = "too_many_requests"
    title_zh, title_en = "请求过于频繁", "Too many requests"
    zh, en = "请求过于频繁,请稍后再试。", "Too many requests; come back later."


class Unavailable(DomainError):
    """503: a dependency is away; `Retry-After` says when to come back."""

    status = 503
    code = "unavailable"
    title_zh, title_en = "服务暂不可用", "Service unavailable"
    zh, en = "服务暂时不可用,请稍后重试。", "The service is briefly unavailable; try again soon."


class ConcurrentChange(Conflict):
    """409: another transaction won; nothing was changed and the same request may be sent again."""

    code = "concurrent_change"
    zh, en = "有其他操作正在修改同一内容,请重试。", "Another change won the race; send the request again."
