"""The choices of preparation in words: what each option does, for pages, model cards and the command line."""

from __future__ import annotations

from dataclasses import dataclass

from churn_core.models.preparation_plan import PreparationPlan


@dataclass(frozen=True, kw_only=True)
class Words:
    """An option as people read it."""

    label: str
    does: str
    """What it does, in one sentence."""


CHOICE_LABELS: dict[str, str] = {
    "missing": "Missing values",
    "outliers": "Unusual values",
    "scaling": "Scale of numbers",
    "rare": "Rare categories",
    "selection": "Inputs kept",
    "weights": "Weight of the outcomes",
    "resampling": "Resampling",
    "own": "Your choices together",
}
"""Each choice, and a whole plan, with its heading."""

OPTION_WORDS: dict[tuple[str, str], Words] = {
    ("missing", "usual"): Words(
        label="Usual",
        does="Regressions take the median and an indicator; trees send missing values down a branch of their own.",
    ),
    ("missing", "median"): Words(
        label="Median", does="The median of the training rows is put in, and an indicator stays beside it."
    ),
    ("missing", "mode"): Words(
        label="Most frequent value",
        does="The most frequent value is put in, for categories too, and an indicator stays beside it.",
    ),
    ("missing", "knn"): Words(
        label="Nearest neighbours",
        does="The mean of the five most similar of 1,000 training customers is put in, with an indicator; slow on "
        "many rows.",
    ),
    ("missing", "iterative"): Words(
        label="Regression on the other inputs",
        does="Each number is guessed from all the others in three rounds and put in, with an indicator.",
    ),
    ("outliers", "usual"): Words(
        label="Usual", does="Nothing is cut; regressions draw long tails in by a logarithm, trees do not mind them."
    ),
    ("outliers", "winsorise"): Words(
        label="Cut the tails", does="Numbers are cut at the 1 % and 99 % quantile of the training rows."
    ),
    ("outliers", "flag"): Words(
        label="Flag unusual customers",
        does="An isolation forest flags the 2 % of customers unlike all others; the flag is an input of its own.",
    ),
    ("scaling", "usual"): Words(
        label="Usual", does="A logarithm where it evens out a long tail, then mean 0 and standard deviation 1."
    ),
    ("scaling", "standard"): Words(
        label="Standardised", does="Mean 0 and standard deviation 1, without a logarithm. Trees do not notice."
    ),
    ("scaling", "robust"): Words(
        label="By median and quartiles",
        does="Median 0 and interquartile range 1, so extremes do not set the scale. Trees do not notice.",
    ),
    ("scaling", "none"): Words(
        label="As they are",
        does="Numbers keep their own units, so large units are penalised less. Trees do not notice.",
    ),
    ("rare", "usual"): Words(
        label="Usual", does="The 40 most frequent categories of a column are kept, as far as they have 10 rows."
    ),
    ("rare", "one_percent"): Words(
        label="Together below 1 %", does="Categories with less than 1 % of the training rows share one bucket."
    ),
    ("rare", "five_percent"): Words(
        label="Together below 5 %", does="Categories with less than 5 % of the training rows share one bucket."
    ),
    ("selection", "usual"): Words(
        label="All that vary", does="Every input that varies is kept; the penalties of the estimators do the rest."
    ),
    ("selection", "mutual_information"): Words(
        label="Mutual information",
        does="Inputs are kept that tell more about the outcome than shuffled outcomes would.",
    ),
    ("selection", "chi_square"): Words(
        label="Chi-square", does="Inputs are kept whose tenths or categories differ in churn beyond chance."
    ),
    ("selection", "l1"): Words(
        label="L1 penalty", does="Inputs are kept that a logistic regression with an L1 penalty keeps."
    ),
    ("selection", "stability"): Words(
        label="Stability",
        does="Inputs are kept that the L1 penalty picks in 60 % of 30 random halves of the cutoffs (of the rows, for a "
        "table).",
    ),
    ("weights", "usual"): Words(label="Usual", does="Every customer counts the same."),
    ("weights", "balanced"): Words(
        label="Both outcomes alike",
        does="The rarer outcome weighs more until both weigh the same; the risks are corrected for it.",
    ),
    ("resampling", "usual"): Words(label="None", does="The model learns from the customers as they are."),
    ("resampling", "over"): Words(
        label="Repeat the rarer outcome",
        does="Customers of the rarer outcome are repeated until both are as many; the risks are corrected for it.",
    ),
    ("resampling", "under"): Words(
        label="Leave out the more frequent",
        does="Customers of the more frequent outcome are left out until both are as many; the risks are corrected for "
        "it.",
    ),
    ("resampling", "smote"): Words(
        label="SMOTE",
        does="Made-up customers between real ones of the rarer outcome. Offered because it is asked for, not the "
        "default: it helps decide yes or no, but blurs risks, which can be ranked and counted on without it.",
    ),
    ("own", "plan"): Words(label="All of them", does="Every choice made above at once."),
}
"""Choice and option -> its words."""


def option_label(choice: str, option: str) -> str:
    """An option in words.

    >>> option_label("resampling", "smote"), option_label("missing", "knn")
    ('SMOTE', 'Nearest neighbours')
    """
    return OPTION_WORDS[choice, option].label


def plan_words(plan: PreparationPlan) -> list[str]:
    """The choices of a plan that are not the usual ones, in words; empty for the usual plan.

    >>> plan_words(PreparationPlan(scaling="robust", resampling="smote"))
    ['scale of numbers: by median and quartiles', 'resampling: SMOTE']
    """
    chosen = [(choice, option) for choice, option in plan.to_json().items() if option != "usual"]
    return [f"{CHOICE_LABELS[choice].lower()}: {_lower(option_label(choice, option))}" for choice, option in chosen]


def _lower(label: str) -> str:
    """A label within a sentence; abbreviations stay as they are."""
    return label if label[:2].isupper() or label[1:2].isdigit() else label[:1].lower() + label[1:]
