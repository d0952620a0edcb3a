"""Options of a command that are derived from the fields of a frozen dataclass.

The class is parsed, not imported: `--help` loads neither torch nor NumPy. The type of a field becomes that of its
option, and the first sentence of the docstring below the field becomes the help text.
"""

import ast
import inspect
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache, wraps
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Any

import typer

from vpuformer.errors import ConfigError

_TYPES: Mapping[str, type] = {"int": int, "float": float, "bool": bool}
_METAVARS = {int: "N", float: "X", str: "NAME"}


@dataclass(frozen=True)
class Field:
    """A field of a dataclass, as its source text declares it."""

    type: type
    """int, float or bool; str for all other annotations."""
    default: str | None
    """The default as text; None if it is None or not a literal."""
    help: str
    """First sentence of the docstring."""


@cache
def fields_of(module: str, name: str) -> Mapping[str, Field]:
    """The fields of a dataclass, read from the source of its module.

    >>> fields_of("vpuformer.training.recipe", "Recipe")["size"]
    Field(type=<class 'int'>, default='256', help='Side of the training crops in pixels.')

    Raises:
        LookupError: the module has no such class.
    """
    spec = find_spec(module)
    if spec is None or spec.origin is None:
        raise LookupError(f"no module {module}")
    tree = ast.parse(Path(spec.origin).read_text(encoding="utf-8"))
    for node in tree.body:
        if isinstance(node, ast.ClassDef) and node.name == name:
            following = [*node.body[1:], None]
            return {
                line.target.id: _field(line, after)
                for line, after in zip(node.body, following, strict=True)
                if isinstance(line, ast.AnnAssign) and isinstance(line.target, ast.Name)
            }
    raise LookupError(f"no class {name} in {module}")


@contextmanager
def settings_named(flags: Mapping[str, str]) -> Iterator[None]:
    """Let errors about settings name the options that set them.

    >>> with settings_named({"max_interactions": "--max-prompts"}):
    ...     raise ConfigError("max_interactions=0 must be at least 1")
    Traceback (most recent call last):
    vpuformer.errors.ConfigError: --max-prompts=0 must be at least 1

    Args:
        flags: the options by the names of their settings; `interaction.warmup`, of a part, is the setting `warmup`.
    """
    try:
        yield
    except ConfigError as error:
        message = str(error)
        for setting, flag in flags.items():
            message = re.sub(rf"(?<![\w.-])(\w+\.)?{setting}(?==)", flag, message)
        raise ConfigError(message) from error


def options_from(
    into: str,
    module: str,
    name: str,
    *fields: str,
    metavars: Mapping[str, str] | None = None,
    defaults: bool = True,
    **renamed: str,
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Decorator of a command: add an option for each field, and pass the given values.

    Args:
        into: parameter of the command that receives the values of the given options, by field name.
        module, name: the dataclass.
        fields: fields whose options have their own names, such as `--log-every` for `log_every`.
        metavars: placeholders of the options in the help text, by field name.
        defaults: whether the help text shows the defaults of the class.
        renamed: further fields as OPTION="field".
    """
    options = {field: field for field in fields} | renamed
    known = fields_of(module, name)
    parameters = [
        inspect.Parameter(
            option,
            inspect.Parameter.KEYWORD_ONLY,
            default=None,
            annotation=_annotation(option, known[field], (metavars or {}).get(field), defaults),
        )
        for option, field in options.items()
    ]

    def decorate(command: Callable[..., None]) -> Callable[..., None]:
        @wraps(command)
        def wrapper(**arguments: Any) -> None:
            values = {field: arguments.pop(option) for option, field in options.items()}
            given = {field: value for field, value in values.items() if value is not None}
            with settings_named({field: _flag(option) for option, field in options.items() if field in given}):
                command(**arguments, **{into: given})

        signature = inspect.signature(command)
        own = [parameter for parameter in signature.parameters.values() if parameter.name != into]
        own = [parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY) for parameter in own]
        wrapper.__signature__ = signature.replace(parameters=[*own, *parameters])  # type: ignore[attr-defined]
        wrapper.__annotations__ = {parameter.name: parameter.annotation for parameter in [*own, *parameters]}
        return wrapper

    return decorate


def _annotation(option: str, field: Field, metavar: str | None, shows_default: bool) -> Any:
    flag = _flag(option)
    if field.type is bool:
        declared = flag if field.default == "False" else f"{flag}/--no-{flag[2:]}"
        return Annotated[bool | None, typer.Option(declared, help=field.help)]
    shown = f"{field.help}  [default: {field.default}]" if shows_default and field.default else field.help
    return Annotated[field.type | None, typer.Option(flag, metavar=metavar or _METAVARS[field.type], help=shown)]


def _flag(option: str) -> str:
    return f"--{option.replace('_', '-')}"


def _field(line: ast.AnnAssign, following: ast.stmt | None) -> Field:
    kind, default = _TYPES.get(ast.unparse(line.annotation).removesuffix(" | None"), str), None
    if isinstance(line.value, ast.Constant) and line.value.value is not None:
        default = str(line.value.value)
    text = ""
    if isinstance(following, ast.Expr) and isinstance(following.value, ast.Constant):
        text = " ".join(str(following.value.value).split())
    return Field(kind, default, text.partition(". ")[0].rstrip(".") + "." if text else "")
