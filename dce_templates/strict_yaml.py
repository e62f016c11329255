"""YAML as people write it by hand, read without surprises.

Every scalar stays text (a postcode keeps its first zero, an amount its cents), aliases and double keys are refused,
the size is capped. The model that receives the data does the conversions.
"""

from collections.abc import Hashable
from typing import Any

import yaml

MAX_CHARACTERS = 200_000


class YamlError(ValueError):
    """The text is not a YAML mapping we accept; `str()` is one French sentence."""


class _Loader(yaml.SafeLoader):
    yaml_implicit_resolvers = {
        first: [(tag, regexp) for tag, regexp in found if tag == "tag:yaml.org,2002:null"]
        for first, found in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        if self.check_event(yaml.AliasEvent):
            raise YamlError("Les renvois YAML (« * ») ne sont pas acceptés : écrivez la valeur.")
        return super().compose_node(parent, index)

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        keys = [self.construct_object(key) for key, _ in node.value]
        for key in keys:
            if not isinstance(key, str) or keys.count(key) > 1:
                line = node.start_mark.line + 1
                raise YamlError(
                    f"La clé « {key} » est écrite deux fois ou n'est pas du texte (bloc de la ligne {line})."
                )
        return super().construct_mapping(node, deep=deep)


def read_mapping(text: str) -> dict[str, Any]:
    """The mapping written in `text`, with str, None, list and dict values only.

    Raises YamlError with one French sentence.
    """
    if len(text) > MAX_CHARACTERS:
        raise YamlError(f"Le fichier dépasse {MAX_CHARACTERS} caractères.")
    try:
        data = yaml.load(text, Loader=_Loader)  # noqa: S506 (a SafeLoader with fewer types)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise YamlError(f"Le fichier n'est pas du YAML lisible (ligne {line}).") from error
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        if isinstance(error, YamlError):
            raise
        raise YamlError("Le fichier n'est pas du YAML lisible.") from error
    if not isinstance(data, dict):
        raise YamlError("Le fichier doit contenir des clés et des valeurs (« reference: … »).")
    return data
