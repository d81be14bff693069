"""`ownercare`: run, serve, worker, migrate, administrator, demo, openapi, doctor, keys, tokens, audit.

A command that needs the application runs as a module of its own (`ownercare_api.commands.…`), so that the command line
itself loads almost nothing and answers at once.
"""

from pathlib import Path
from runpy import run_module
from typing import Annotated

import typer

from ownercare_api.commands import play
from ownercare_api.commands.place import check_port, place

app = typer.Typer(
    name="ownercare",
    help="OwnerCare 房地产客户服务后端 / customer-service backend of a property developer.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

Host = Annotated[str | None, typer.Option(help="监听地址 / address to listen on (OWNERCARE_HOST)")]
Port = Annotated[int | None, typer.Option(help="监听端口 / port to listen on (OWNERCARE_PORT)", min=0, max=65535)]
Processes = Annotated[int | None, typer.Option(help="API 进程数 / API processes (OWNERCARE_PROCESSES)", min=1, max=64)]


def _command(module: str, /, **arguments: object) -> None:
    """Run a command's module; it reads its arguments from the global `ARGUMENTS`."""
    run_module(f"ownercare_api.commands.{module}", init_globals={"ARGUMENTS": arguments}, run_name="__main__")


@app.command()
def run(host: Host = None, port: Port = None) -> None:
    """一键体验:启动数据库、迁移、载入演示数据、启动 API 与后台任务、演示主流程,然后保持运行。

    Everything in one: database, migrations, demo data, API, worker, the main job played over HTTP; then stays up.
    """
    with place() as found:
        play.stay(found, host=host or found.settings.host, port=found.settings.port if port is None else port)


@app.command()
def demo() -> None:
    """在临时数据库上演示主流程,结束时返回退出码 / play the main job on a scratch database and end with an exit code."""
    raise typer.Exit(play.once())


@app.command()
def serve(host: Host = None, port: Port = None, processes: Processes = None) -> None:
    """启动 API / serve the API. Migrations must have been applied."""
    with place() as found:
        settings = found.settings
        listen_host, listen_port = host or settings.host, settings.port if port is None else port
        check_port(listen_host, listen_port)
        found.adopt()
        _command("api", host=listen_host, port=listen_port, processes=processes or settings.processes)


@app.command()
def worker() -> None:
    """启动后台任务:时限提醒、任务队列 / run the background worker. Several may run side by side."""
    with place() as found:
        found.adopt()
        _command("background")


@app.command()
def migrate(
    revision: Annotated[str, typer.Argument(help="目标版本 / target revision")] = "head",
    down: Annotated[bool, typer.Option("--down", help="向下迁移 / go down to the revision")] = False,
) -> None:
    """迁移数据库结构 / bring the database's tables up (or down) to a revision."""
    with place() as found:
        found.adopt()
        _command("tables", revision=revision, down=down)


@app.command()
def administrator(
    username: Annotated[str, typer.Argument(help="用户名 / user name")],
    name: Annotated[str, typer.Option(help="姓名 / name")] = "系统管理员",
) -> None:
    """创建系统管理员账号,用于首次安装 / create a system administrator: the first account of an installation."""
    with place() as found:
        found.adopt()
        _command("administrator", username=username, name=name)


@app.command()
def openapi(
    output: Annotated[Path | None, typer.Option("--output", "-o", help="写入文件 / file to write")] = None,
) -> None:
    """输出 OpenAPI 文档 / print the OpenAPI document."""
    _command("document", output=output)


@app.command()
def doctor() -> None:
    """检查安装:数据库、密钥、日历、未确认的政策值 / examine the installation; exit code 1 if something is wrong."""
    with place() as found:
        found.adopt()
        _command("doctor")


keys = typer.Typer(help="个人信息加密密钥 / keys of encrypted personal data", no_args_is_help=True)
app.add_typer(keys, name="keys")


@keys.command("rotate")
def keys_rotate(
    wait: Annotated[bool, typer.Option("--wait", help="等待轮换完成 / do the work here and wait for the end")] = False,
) -> None:
    """在线轮换密钥:不停机,旧数据逐步改用新密钥 / rotate the keys online; without --wait the worker goes on with it."""
    with place() as found:
        found.adopt()
        _command("keys", action="rotate", wait=wait)


@keys.command("status")
def keys_status() -> None:
    """查看密钥及轮换进度 / show the keys, what is written with each, and how far a rotation is."""
    with place() as found:
        found.adopt()
        _command("keys", action="status")


tokens = typer.Typer(help="访问令牌签名密钥 / keys that sign access tokens", no_args_is_help=True)
app.add_typer(tokens, name="tokens")


@tokens.command("rotate")
def tokens_rotate(
    at_once: Annotated[bool, typer.Option("--at-once", help="旧密钥立即作废,用于泄露 / void the old keys")] = False,
) -> None:
    """轮换签名密钥:不停机,不影响已登录者 / rotate the signing key online; nobody is logged out."""
    with place() as found:
        found.adopt()
        _command("tokens", action="rotate", at_once=at_once)


@tokens.command("status")
def tokens_status() -> None:
    """查看签名密钥 / show the signing keys."""
    with place() as found:
        found.adopt()
        _command("tokens", action="status")


audit = typer.Typer(help="审计记录 / the audit trail", no_args_is_help=True)
app.add_typer(audit, name="audit")


@audit.command("verify")
def audit_verify(
    start: Annotated[int, typer.Option("--from", help="从此位置之前的检查点开始 / begin at the checkpoint before")] = 0,
    expect: Annotated[list[str], typer.Option(help="另行保存的链头 / a head kept elsewhere: <position>:<digest>")] = [],  # noqa: B006
    public_key: Annotated[list[str], typer.Option(help="公钥,代替主密钥 / public key, in the master key's stead")] = [],  # noqa: B006
) -> None:
    """核验审计记录,指出第一处篡改 / verify the audit trail and name the first fault; exit code 1 if there is one."""
    with place() as found:
        found.adopt()
        _command("audit", action="verify", start=start, expect=expect, keys=public_key)


@audit.command("head")
def audit_head() -> None:
    """输出链头,请另行保存 / print the head of the chain; keep it elsewhere."""
    with place() as found:
        found.adopt()
        _command("audit", action="head")


@audit.command("public-key")
def audit_public_key() -> None:
    """输出核验检查点的公钥 / print the key that verifies the checkpoints."""
    with place() as found:
        found.adopt()
        _command("audit", action="public-key")


@audit.command("after-restore")
def audit_after_restore() -> None:
    """从备份恢复后运行一次 / run once after restoring a backup, before the API and the worker start."""
    with place() as found:
        found.adopt()
        _command("audit", action="after-restore")


def main() -> None:
    """Run the command line."""
    app()
