"""Small real data sets and the default model, bundled so that examples run offline."""

from __future__ import annotations

from skm2v.datasets._default_model import default_model_path
from skm2v.datasets._texts import load_banking77, load_sms_spam, load_valence

__all__ = ["default_model_path", "load_banking77", "load_sms_spam", "load_valence"]

# Pickles and messages name no file of ours.
for _name in __all__:
    globals()[_name].__module__ = __name__
