"""Which client a command means: a profile of the config file, or a provider by name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import polycall
from polycall.cli._errors import CommandError
from polycall.cli._exit_codes import ExitCode
from polycall.cli._input.values import read_values

_SECRETS = ("key", "token", "secret", "password")


def refused_by_sdk(error: Exception, provider: str | None) -> CommandError:
    """The error for an SDK that refuses to make its client."""
    name = (provider or "NAME").partition("/")[0]
    return CommandError(
        f"the SDK cannot make its client: {' '.join(str(error).split())}",
        hint=f"'polycall providers show {name}' lists the settings and the variables of keys.",
        code=ExitCode.CONFIGURATION,
    )


@dataclass(frozen=True, slots=True)
class Target:
    """Which client is meant.

    Attributes:
        profile: A profile's name; ``None`` with no provider either: the active one.
        provider: ``"provider/model"`` or a provider's name.
        config: The config file; ``None``: as `polycall.from_config` finds it.
        model: In place of the profile's model.
        settings: In place of the profile's settings, or the provider's.
    """

    profile: str | None
    provider: str | None
    config: str | None
    model: str | None
    settings: Mapping[str, object]

    @classmethod
    def read(
        cls,
        *,
        profile: str | None,
        provider: str | None,
        config: str | None,
        model: str | None,
        settings: Sequence[str],
    ) -> Target:
        """From the command line.

        Raises:
            CommandError: Options that exclude each other, or a secret that is written out.
        """
        if provider is not None and (profile is not None or config is not None):
            other = "-p/--profile" if profile is not None else "-c/--config"
            raise CommandError(f"--provider and {other} exclude each other.", hint="Leave one of them out.")
        values = read_values(settings, "-s")
        for name in values:
            if name in ("async_client", "model", "profile", "provider"):
                raise CommandError(f"-s {name} is not a setting of a provider.", hint="See --help.")
            if name.endswith(_SECRETS):
                raise CommandError(
                    f"-s {name}: a secret on the command line is seen by every user of this machine.",
                    hint=f"Put it into an environment variable and write -s {name}_env=THE_VARIABLE.",
                )
        return cls(profile, provider, config, model, values)

    @property
    def name(self) -> str:
        """For people."""
        return self.provider or (f"the profile {self.profile}" if self.profile else "the active profile")

    def make_client(self, **more: str) -> polycall.Client:
        """Make the client.

        Raises:
            PolycallError: As `polycall.from_provider` and `polycall.from_config` do.
            CommandError: The SDK refuses to make its client: most often there is no key.
        """
        try:
            return self._make_client(more)
        except polycall.PolycallError:
            raise
        except Exception as error:
            raise refused_by_sdk(error, self.provider) from error

    def _make_client(self, more: Mapping[str, str]) -> polycall.Client:
        settings: dict[str, Any] = {**self.settings, **more}
        if self.provider is not None:
            provider, _, model = self.provider.partition("/")
            named = self.model or model
            return polycall.from_provider(f"{provider}/{named}" if named else provider, False, **settings)
        if self.model is not None:
            settings["model"] = self.model
        return polycall.from_config(self.config, self.profile, False, **settings)
