"""The next step for a name that selects no provider: what to write instead, or what to install.

The core knows no provider. What it knows of names is data: `name_hints.toml`, polycall's own extras, and the names that
are installed. Everything here runs for an error only.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from functools import cache
from importlib.metadata import PackageNotFoundError, requires
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict

from polycall._plugins.name_request import NameRequest
from polycall._toolkit.headers import shown_url
from polycall._toolkit.hints import nearest
from polycall.hookspecs import PROJECT_NAME

_LONGEST_SHOWN = 120
_SLASHES = str.maketrans(dict.fromkeys("\\|\N{FRACTION SLASH}\N{DIVISION SLASH}\N{BIG SOLIDUS}", "/"))
_LEFT_OUT_OF_FORMS = str.maketrans("", "", " .-_\t\n")
_EXTRA = re.compile(r"extra == ['\"]([^'\"]+)['\"]")
_DISTRIBUTION = re.compile(rf"{PROJECT_NAME}-([a-z0-9]+)(?![a-z0-9-])")
_LIST_SIGNS = str.maketrans(dict.fromkeys(";:|\"'[](){} \t\n", ","))


class _Absent(BaseModel):
    """A service that no plugin reaches: another name that does, or the address of its OpenAI-compatible API."""

    model_config = ConfigDict(extra="forbid")

    through: tuple[str, str] | None = None
    service: str = ""
    base_url: str | None = None


class Hints(BaseModel):
    """The tables of `name_hints.toml`, which describes them."""

    model_config = ConfigDict(extra="forbid")

    url: str
    extras: dict[str, list[str]]
    aliases: dict[str, list[str]]
    absent: dict[str, _Absent]
    models: dict[str, list[str]]
    files: dict[str, str]
    owners: dict[str, str]


@cache
def hints() -> Hints:
    """The hints that polycall ships."""
    import tomllib

    text = Path(__file__).with_suffix(".toml").read_text(encoding="utf-8")
    return Hints.model_validate(tomllib.loads(text))


def not_found(request: NameRequest, names: Sequence[str], installed: str) -> str:
    """The error for a name that is neither a provider's nor a server's.

    Args:
        request: The name.
        names: The names that can be selected.
        installed: The sentence that lists them.
    """
    return _at(request, _Search(request, names, installed).message())


def not_allowed(request: NameRequest, known: Collection[str], variable: str, listed: str) -> str:
    """The error for a name that is installed and that the environment variable does not list.

    Args:
        request: The name.
        known: All names that are installed.
        variable: The variable's name.
        listed: Its value.
    """
    name = request.name
    tokens = [token for token in listed.translate(_LIST_SIGNS).split(",") if token]
    if not tokens:
        advice = "An empty value allows none: list names, separated by commas, or unset the variable to allow all."
    elif name in tokens:
        advice = f"Write {variable}={','.join(tokens)}: names, separated by commas."
    elif (meant := nearest(name, [token for token in tokens if token not in known])) is not None:
        advice = f"Did you mean {name!r} where it says {meant!r}?"
    else:
        advice = f"Add {name!r} to it, or unset the variable to allow all."
    return _at(
        request,
        f"Provider {name!r} is installed, but {variable} does not list {name!r}: its value is {_shown(listed)!r}. "
        f"{advice}",
    )


def _at(request: NameRequest, message: str) -> str:
    return message if request.place is None else f"{request.place}: {message}"


class _Search:
    """The search for the meaning of one name, from the surest explanation to the vaguest."""

    def __init__(self, request: NameRequest, names: Sequence[str], installed: str) -> None:
        self._request = request
        self._names = names
        self._installed = installed
        self._hints = hints()
        ours = (name for brought in self._hints.extras.values() for name in brought)
        self._by_form = {_form(name): name for name in (*ours, *_extras(), *names)}

    def message(self) -> str:
        request = self._request
        head = f"No provider named {_shown(request.name)!r}."
        if request.name in self._by_form.values():  # ours, and not installed
            return f"{head} {self._installed} {self._command(request.name)}".rstrip()
        if (said := self._other_spelling()) is not None:
            return f"{head} {said}"
        if (said := self._model_alone()) is not None:
            return f"{_shown(request.name)!r} names no provider. {said}"
        return f"{head} {self._installed} {self._nearest()}"

    def _other_spelling(self) -> str | None:
        request, text = self._request, self._request.text()
        if text.startswith(("http:", "https:")):
            url = f"{_shown(text)!r} is a URL: write"
            if request.place is not None:
                return f'{url} provider = "{self._hints.url}" and base_url = "{_shown(text)}".'
            return f"{url} from_provider('{self._hints.url}/MODEL', base_url={_shown(text)!r})."
        for name, model, remark in _readings(request):
            form = _form(name)
            if form in self._by_form:
                return self._write(self._by_form[form], model, remark)
            alias = self._hints.aliases.get(form, [name])
            meant = self._by_form.get(_form(alias[0]))
            if meant is not None:
                return self._write(meant, model, remark, *alias[1:])
            if (absent := self._hints.absent.get(_form(alias[0]))) is not None:
                return self._absent(absent, model)
        for ending, name in self._hints.files.items():
            if text.lower().endswith(ending):
                return self._write(name, text)
        owner = self._hints.owners.get(_form(request.name))
        if owner is not None and request.model is not None:
            return f"It publishes models. {self._write(owner, text, 'or another server that has the model')}"
        return None

    def _model_alone(self) -> str | None:
        """The advice for the name of a model without a provider."""
        request = self._request
        if request.model is not None and request.place is None:
            return None
        model = request.name.lower()
        fitting = [beginning for beginning in self._hints.models if model.startswith(beginning)]
        if not fitting:
            return None
        names = self._hints.models[max(fitting, key=len)]
        name = next((one for one in names if one in self._names), names[0])
        if name in self._hints.absent and name not in self._by_form.values():
            return self._absent(self._hints.absent[name], request.name)
        return self._write(name, request.name)

    def _absent(self, absent: _Absent, model: str | None) -> str:
        if absent.through is not None:
            name, prefix = absent.through
            other = self._request.written(name, f"{prefix}{model or 'MODEL'}")
            return f"polycall has no plugin for it; through {absent.service}: {other}.{self._and_install(name)}"
        name, url = self._hints.url, absent.base_url
        if self._request.place is not None:
            how = f'provider = "{name}" and base_url = "{url}"'
        else:
            how = f"from_provider({self._request.written(name, model or 'MODEL')}, base_url={url!r}, api_key=...)"
        return f"polycall has no plugin for it, but {name!r} speaks its protocol: {how}.{self._and_install(name)}"

    def _nearest(self) -> str:
        name = self._request.name
        if (meant := nearest(name, self._names)) is not None:
            return f"Did you mean {meant!r}?"
        if (meant := nearest(name, self._by_form.values())) is not None:
            return f"Did you mean {meant!r}? {self._command(meant)}"
        return (
            "Names have the form 'provider/model'. Install the distribution that offers the provider, "
            "or register it with polycall.register_provider()."
        )

    def _write(self, name: str, model: str | None, *remarks: str) -> str:
        shown = "; ".join(remark for remark in remarks if remark)
        written = self._request.written(name, model)
        return f"Write {written}{f' ({shown})' if shown else ''}.{self._and_install(name)}"

    def _and_install(self, name: str) -> str:
        return "" if name in self._names else f" {self._command(name)}".rstrip()

    def _command(self, name: str) -> str:
        extra = next((extra for extra, brought in self._hints.extras.items() if name in brought), _extras().get(name))
        return f'Install it with: pip install "polycall[{extra}]"' if extra else ""


def _readings(request: NameRequest) -> Iterator[tuple[str, str | None, str]]:
    """Name and model as they may be meant, and what is unusual about the spelling."""
    spaces = "without spaces" if request.name != request.name.strip() else ""
    yield request.name.strip(), request.model, spaces
    text = unicodedata.normalize("NFKC", request.text()).translate(_SLASHES).strip()
    before, slash, after = text.partition("/")
    name, colon, model = before.partition(":")
    if colon:
        yield name.strip(), f"{model}{slash}{after}".strip() or None, "a slash, not a colon"
    elif text != request.text() or (slash and "/" in request.name):
        remark = "a plain slash" if slash and "/" not in request.name else ""
        yield before.strip(), after.strip() or None, remark


def _form(name: str) -> str:
    """What remains of a name without its case and the signs that some write in it."""
    return unicodedata.normalize("NFKC", name).casefold().translate(_LEFT_OUT_OF_FORMS)


@cache
def _extras() -> Mapping[str, str]:
    """By the name of a provider: the extra of polycall that brings a distribution of that name, from the metadata."""
    try:
        requirements: Iterable[Any] = requires(PROJECT_NAME) or ()
    except PackageNotFoundError:
        return {}
    extras: dict[str, str] = {}
    for requirement in requirements:
        distribution, _, marker = str(requirement).partition(";")
        name, extra = _DISTRIBUTION.match(distribution), _EXTRA.search(marker)
        if name is not None and extra is not None and extras.get(name[1]) != name[1]:
            extras[name[1]] = extra[1]
    return extras


def _shown(text: str) -> str:
    if "://" in text:  # which may have a password in it
        text = shown_url(text)
    return text if len(text) <= _LONGEST_SHOWN else f"{text[:_LONGEST_SHOWN]}..."
