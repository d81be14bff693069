"""`ownercare`: run, serve, worker, migrate, administrator, demo, openapi, doctor.

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


def main() -> None:
    """Run the command line."""
    app()
