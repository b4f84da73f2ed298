"""polycall without a provider: small, and it says what to do."""

from __future__ import annotations

import pytest

from support.environments import Environment

pytestmark = [pytest.mark.install, pytest.mark.xdist_group("install")]


def test_it_brings_pluggy_and_pydantic_and_what_they_need(core_environment: Environment) -> None:
    assert core_environment.packages().keys() == {
        "polycall",
        *("platformdirs", "pluggy", "pydantic", "pydantic-settings", "typing-extensions"),
        *("annotated-types", "pydantic-core", "typing-inspection"),  # of pydantic
        "python-dotenv",  # of pydantic-settings
    }


def test_it_is_imported_and_lists_no_provider(core_environment: Environment) -> None:
    assert core_environment.run("import polycall; print(polycall.providers())") == "[]\n"


@pytest.mark.parametrize(("provider", "extra"), [("openai", "openai"), ("vertex", "vertex"), ("llamacpp", "local")])
def test_an_unknown_provider_is_an_error_with_the_command_that_installs_it(
    core_environment: Environment, provider: str, extra: str
) -> None:
    said = core_environment.run(
        f"""
import polycall

try:
    polycall.from_provider("{provider}/some-model")
except polycall.ProviderNotFoundError as error:
    print(error)
"""
    )

    assert said == (
        f"No provider named '{provider}'. Installed: none. Install it with: pip install \"polycall[{extra}]\"\n"
    )


def test_the_command_says_which_extra_it_needs(core_environment: Environment) -> None:
    for command in (["polycall", "providers"], ["python", "-m", "polycall"]):
        done = core_environment.command(*command, cwd=core_environment.folder)

        assert (done.returncode, done.stdout) == (4, "")
        assert done.stderr == (
            'polycall: the command line needs the extra "cli". Install it with: pip install "polycall[cli]"\n'
        )


def test_a_client_handed_in_without_its_plugin_is_an_error_with_the_command_too(core_environment: Environment) -> None:
    said = core_environment.run(
        """
import polycall

try:
    polycall.from_openai(object())
except polycall.ProviderNotFoundError as error:
    print(error)
"""
    )

    assert said.endswith('pip install "polycall[openai]"\n')
