"""What a sentence transformer does after its encoder: pooling, Dense, LayerNorm, Normalize."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from skm2v._distillation.teacher.extras import import_extra
from skm2v._distillation.teacher.files import read_json
from skm2v.exceptions import TeacherError

__all__ = ["Head", "Layer", "find_pickles", "head_of_folder", "head_of_modules", "pool"]

POOLINGS = ("mean", "cls", "max", "mean_sqrt_len_tokens", "weightedmean", "lasttoken")
_FLAGS = {
    "pooling_mode_cls_token": "cls",
    "pooling_mode_max_tokens": "max",
    "pooling_mode_mean_tokens": "mean",
    "pooling_mode_mean_sqrt_len_tokens": "mean_sqrt_len_tokens",
    "pooling_mode_weightedmean_tokens": "weightedmean",
    "pooling_mode_lasttoken": "lasttoken",
}
_ACTIVATIONS = ("Tanh", "Identity", "ReLU", "GELU", "SiLU", "Sigmoid", "ELU", "LeakyReLU", "Mish")


@dataclass(frozen=True)
class Layer:
    """A step from sentence vectors to sentence vectors: torch tensor in, torch tensor out."""

    name: str
    apply: Callable[[Any], Any]
    to: Callable[[str], Any] | None = None


@dataclass(frozen=True)
class Head:
    """What turns token states into a sentence vector.

    Attributes
    ----------
    poolings : tuple of str
        Modes whose results stand side by side.
    include_prompt : bool
        Whether the tokens of a prompt are pooled, too.
    layers : tuple of Layer
        Applied after the pooling.
    """

    poolings: tuple[str, ...] = ("mean",)
    include_prompt: bool = True
    layers: tuple[Layer, ...] = ()

    @property
    def token_layers(self) -> tuple[Layer, ...]:
        """Layers for the vector of a single token: the lengths of those carry meaning."""
        return tuple(layer for layer in self.layers if layer.name != "Normalize")

    def to(self, device: str) -> None:
        """Move weights to a device."""
        for layer in self.layers:
            if layer.to is not None:
                layer.to(device)


def pool(states: Any, mask: Any, poolings: tuple[str, ...]) -> Any:
    """Pool the token states of texts.

    Parameters
    ----------
    states : torch.Tensor of shape (n, length, d)
    mask : torch.Tensor of shape (n, length)
        1 for tokens to pool, 0 for padding, on whichever side.
    poolings : tuple of str

    Returns
    -------
    vectors : torch.Tensor of shape (n, d * number of poolings)
    """
    torch = import_extra("torch")
    weights = mask.unsqueeze(-1).to(states.dtype)
    positions = torch.arange(mask.shape[1], device=mask.device)
    rows = torch.arange(len(states), device=states.device)
    parts = []
    for mode in poolings:
        if mode == "cls":
            parts.append(states[rows, mask.to(torch.int32).argmax(dim=1)])
        elif mode == "lasttoken":
            parts.append(states[rows, (positions * mask).argmax(dim=1)])
        elif mode == "max":
            parts.append(states.masked_fill(weights == 0, float("-inf")).max(dim=1).values)
        else:
            scale = weights
            if mode == "weightedmean":
                scale = weights * weights.cumsum(dim=1)
            total = (states * scale).sum(dim=1)
            count = scale.sum(dim=1).clamp(min=1e-9)
            parts.append(total / (count.sqrt() if mode == "mean_sqrt_len_tokens" else count))
    return parts[0] if len(parts) == 1 else torch.cat(parts, dim=1)


def head_of_folder(folder: Path, *, allow_pickle_weights: bool) -> tuple[str, Head | None]:
    """Read ``modules.json`` and the modules that it names.

    Returns
    -------
    transformer : str
        Folder of the transformer, relative to `folder`.
    head : Head or None
        None if there is no ``modules.json``.

    Raises
    ------
    TeacherError
        If a module is unknown, or its weights are pickles and those are not allowed.
    """
    modules = read_json(folder / "modules.json")
    if modules is None:
        return "", None
    try:
        steps = [(str(m["type"]).rpartition(".")[2], str(m["path"])) for m in modules]
    except (TypeError, KeyError) as error:
        raise TeacherError(f"{str(folder / 'modules.json')!r} is no list of modules.") from error
    if not steps or steps[0][0] != "Transformer":
        kind = steps[0][0] if steps else "nothing"
        hint = " It is a static model already: use StaticModel.from_pretrained."
        raise TeacherError(
            f"A teacher must begin with a Transformer; {str(folder)!r} begins with {kind}."
            + (hint if kind == "StaticEmbedding" else "")
        )
    for _, path in steps:
        if Path(path).is_absolute() or ".." in Path(path).parts:
            raise TeacherError(f"modules.json names the path {path!r}, outside the teacher.")
    poolings: tuple[str, ...] = ()
    include_prompt = True
    layers: list[Layer] = []
    for kind, path in steps[1:]:
        config = read_json(folder / path / "config.json") or {}
        if kind == "Pooling" and not poolings:
            poolings = _poolings(config)
            include_prompt = bool(config.get("include_prompt", True))
        elif kind == "Dense":
            layers.append(_dense(folder / path, config, allow_pickle_weights))
        elif kind == "LayerNorm":
            layers.append(_layer_norm(folder / path, config, allow_pickle_weights))
        elif kind == "Normalize":
            layers.append(_normalize())
        elif kind != "Dropout":
            raise TeacherError(
                f"The teacher's module {kind} ({path!r}) is not supported; known are Transformer,"
                " Pooling, Dense, LayerNorm, Dropout and Normalize."
            )
    return steps[0][1], Head(poolings or ("mean",), include_prompt, tuple(layers))


def head_of_modules(modules: list[Any]) -> Head:
    """Take over the modules, after the first, of a `SentenceTransformer` in memory."""
    poolings: tuple[str, ...] = ()
    include_prompt = True
    layers: list[Layer] = []
    for module in modules:
        kind = type(module).__name__
        if kind == "Pooling" and not poolings:
            config = module.get_config_dict()
            poolings = _poolings(config)
            include_prompt = bool(config.get("include_prompt", True))
        elif kind == "Normalize":
            layers.append(_normalize())
        elif kind in ("Dense", "LayerNorm"):
            layers.append(_in_memory(kind, module))
        elif kind != "Dropout":
            raise TeacherError(f"The sentence transformer's module {kind} is not supported.")
    return Head(poolings or ("mean",), include_prompt, tuple(layers))


def find_pickles(folder: Path) -> list[str]:
    """Return the names of pickled weights in a folder."""
    return sorted(path.name for path in folder.glob("*.bin"))


def _poolings(config: dict[str, Any]) -> tuple[str, ...]:
    modes = config.get("pooling_mode")
    if modes is None:
        modes = [mode for flag, mode in _FLAGS.items() if config.get(flag)] or ["mean"]
    modes = (modes,) if isinstance(modes, str) else tuple(modes)
    unknown = [mode for mode in modes if mode not in POOLINGS]
    if unknown:
        raise TeacherError(
            f"The teacher's pooling mode {unknown[0]!r} is unknown; known are {POOLINGS}."
        )
    return modes


def _normalize() -> Layer:
    functional = import_extra("torch").nn.functional
    return Layer("Normalize", lambda x: functional.normalize(x, p=2, dim=1))


def _dense(folder: Path, config: dict[str, Any], allow_pickle: bool) -> Layer:
    torch = import_extra("torch")
    if config.get("module_input_name", "sentence_embedding") != "sentence_embedding":
        raise TeacherError(
            f"The teacher's Dense module {str(folder)!r} works on {config['module_input_name']!r},"
            " not on sentence vectors; that is not supported."
        )
    weights = _weights(folder, allow_pickle)
    if "linear.weight" not in weights:
        raise TeacherError(f"The teacher's Dense module {str(folder)!r} has no 'linear.weight'.")
    bias = weights.get("linear.bias")
    n_out, n_in = weights["linear.weight"].shape
    linear = torch.nn.Linear(n_in, n_out, bias=bias is not None)
    linear.load_state_dict(
        {name.partition(".")[2]: weights[name] for name in weights if name.startswith("linear.")}
    )
    activation = _activation(config.get("activation_function"))
    module = torch.nn.Sequential(linear.float(), activation).eval()
    return Layer("Dense", module, module.to)


def _activation(name: str | None) -> Any:
    """Make an activation by its name in torch; nothing else is imported by name."""
    torch = import_extra("torch")
    if name is None:
        return torch.nn.Tanh()
    package, _, kind = name.rpartition(".")
    if not package.startswith("torch.nn") or kind not in _ACTIVATIONS:
        raise TeacherError(
            f"The teacher's activation function {name!r} is not supported; known are"
            f" {', '.join(_ACTIVATIONS)} of torch.nn."
        )
    return getattr(torch.nn, kind)()


def _layer_norm(folder: Path, config: dict[str, Any], allow_pickle: bool) -> Layer:
    torch = import_extra("torch")
    weights = _weights(folder, allow_pickle)
    try:
        norm = torch.nn.LayerNorm(int(config["dimension"]))
        norm.load_state_dict({name.partition(".")[2]: weights[name] for name in weights})
    except (KeyError, RuntimeError) as error:
        raise TeacherError(
            f"The teacher's LayerNorm module {str(folder)!r} does not load: {error}."
        ) from error
    norm = norm.float().eval()
    return Layer("LayerNorm", norm, norm.to)


def _in_memory(kind: str, module: Any) -> Layer:
    def apply(vectors: Any) -> Any:
        return module({"sentence_embedding": vectors})["sentence_embedding"]

    return Layer(kind, apply, module.to)


def _weights(folder: Path, allow_pickle: bool) -> dict[str, Any]:
    torch = import_extra("torch")
    path = folder / "model.safetensors"
    if path.is_file():
        loaded: dict[str, Any] = import_extra("safetensors.torch").load_file(path)
        return loaded
    pickles = find_pickles(folder)
    if pickles and allow_pickle:
        loaded = torch.load(folder / pickles[0], map_location="cpu", weights_only=True)
        return loaded
    raise TeacherError(no_weights(folder, pickles))


def no_weights(folder: Path, pickles: list[str]) -> str:
    """Return the message for a folder without safetensors weights."""
    if not pickles:
        return f"There are no weights (model.safetensors) in {str(folder)!r}."
    return (
        f"The weights in {str(folder)!r} are a pickle ({pickles[0]}), which can run any code when"
        " it is loaded. Use a revision with model.safetensors, or pass allow_pickle_weights=True"
        " (--allow-pickle-weights on the command line) if you trust where it comes from."
    )
