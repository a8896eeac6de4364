"""The configuration as given: a TOML file, `REFOLD_…` variables and flags, made into one `Config`.

shape   `load(path, environ, flags)` -> `Loaded`: config, where each setting came from, the secrets
order   defaults < the mode's defaults < file < environment (`REFOLD_SEED`,
        `REFOLD_BROKER__TRADING_URL`; also old names, live/old_names.py) < flags
errors  `ConfigError` with every problem, a line each: key, value, source, expected, mend; no
        message has a secret's value, or the value of a key nobody knows
why     a typing error in a limit must stop the start; a runner that guesses trades on the guess
"""

from collections.abc import Mapping

import msgspec

from core.config import DECLARATIONS, PARAMETERS, BrokerKind, Config, Mode, check, defaults_of
from core.settings import Refused
from live.gathering import Gathered, refuse_secrets, take_environment, take_file, take_flags
from live.secrets import Secrets


class Loaded(msgspec.Struct, frozen=True, kw_only=True):
    """A configuration that stands, where each of its settings came from, and what to warn of."""

    config: Config
    sources: dict[str, str]
    secrets: Secrets
    warnings: tuple[str, ...] = ()


class ConfigError(Exception):
    """The configuration cannot stand: one line for each problem."""

    def __init__(self, lines: tuple[str, ...]) -> None:
        super().__init__("\n".join(lines))
        self.lines = lines


def load(
    config_path: str | None,
    environ: Mapping[str, str],
    flags: Mapping[str, object],
    *,
    live: bool | None = None,
    secrets: Secrets | None = None,
) -> Loaded:
    """The configuration of a file (if any), an environment and flags, or `ConfigError` with all.

    `live`: whether a start was given --live; None where nothing is started. `secrets`: those of
    the environment, where they were taken out of it before.
    """
    gathered = Gathered(Secrets(environ) if secrets is None else secrets)
    if config_path is not None:
        take_file(config_path, gathered)
    take_environment(environ, gathered)
    take_flags({flag: value for flag, value in flags.items() if value is not None}, gathered)
    refuse_secrets(gathered)
    mode = _mode_of(gathered)
    sources = {key: "default" for key in DECLARATIONS if key != PARAMETERS}
    sources |= dict.fromkeys(defaults_of(mode), f"default for {mode}")
    sources |= gathered.sources
    if live is not None and live is not (mode == Mode.LIVE):
        raise ConfigError((*gathered.lines, _without_the_word(mode, sources["mode"])))
    config = _build({**defaults_of(mode), **gathered.values})
    for problem in check(config):
        because = Refused(problem.expected, problem.mend)
        source = sources.get(problem.key, "default")
        gathered.refuse_value(problem.key, problem.found, source, because)
    _refuse_plain_live(config, gathered)
    if gathered.lines:
        raise ConfigError(tuple(gathered.lines))
    return Loaded(
        config=config,
        sources=sources,
        secrets=gathered.secrets,
        warnings=tuple(gathered.warnings),
    )


def _refuse_plain_live(config: Config, gathered: Gathered) -> None:
    """Only the file may leave a live journal plain: a variable is too easily left over."""
    key = "encryption.enabled"
    source = gathered.sources.get(key, "default")
    if config.mode is Mode.LIVE and not config.encrypted and not source.startswith("file"):
        problem = "expected it in the file, where mode is live"
        gathered.refuse(key, source, problem, "write enabled = false below [encryption] there")


def _mode_of(gathered: Gathered) -> str:
    """The mode as given; a real broker without one is a paper account."""
    real = gathered.values.get("broker.kind", BrokerKind.SIM) != BrokerKind.SIM
    if real and "mode" not in gathered.values:
        gathered.take("mode", Mode.PAPER, "default of a real broker")
    return str(gathered.values.get("mode", Mode.SIM))


def _without_the_word(mode: str, source: str) -> str:
    """Money is at stake only where configuration and command line both say so."""
    if mode == Mode.LIVE:
        return f"mode = live ({source}): expected --live on the command line too; run --live"
    return (
        f"mode = {mode} ({source}): expected live, for --live was given; leave it out, or set mode"
    )


def _build(values: Mapping[str, object]) -> Config:
    """The `Config` of what was read; what was refused has its default."""
    nested: dict[str, dict[str, object]] = {"": {}}
    for key, value in values.items():
        table, _, name = key.rpartition(".")
        nested.setdefault(table, {})[name] = value
    parameters = nested.pop(PARAMETERS, {})
    top = nested.pop("")
    nested.setdefault("strategy", {})["parameters"] = parameters
    return msgspec.convert({**top, **nested}, Config)
