"""What customers are worth in words: how it was predicted, how good that was, what is assumed.

The page, the command line and the documents say the same sentences.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from churn_core.customers.worth_view import WorthRun
    from churn_core.models.worth_check import HoldOut

ERROR_WORDS = (
    "Expected: the mean of such customers, adds up to the total. Typical: half of them stay below it, often 0; nearer "
    "for one customer, too little in a sum."
)
TWO_MODELS = (
    "The sums on top of this page are of another model, which learned from what everybody who bought went on to bring, "
    "those who left included, and does not know this risk: neither sum can be reckoned from the other."
)
"""Why what customers are worth and what is at risk do not add up to what they would bring by staying."""
OF_SUCH_CUSTOMERS = (
    "The value model, which does not know the risk model's answer, expects on average of customers like them"
)
MORE_CURRENT = "For somebody in the high tier the risk is the more current answer."
METHOD_WORDS = {
    "tweedie": "many small decision trees (boosted, on a Tweedie loss)",
    "two_part": "many small decision trees (boosted) in two parts: who orders, and what those spend who do",
    "blend": "the mean of two models of many small decision trees (boosted; on a Tweedie loss, and in two parts)",
    "mix": "two models of many small decision trees (boosted), with a third of the weight on what each customer spent "
    "lately and in the last year",
    "bgnbd": "a purchase model (BG/NBD with Gamma-Gamma)",
}
LEVEL_WORDS = {
    "last_year": "the level of the same season a year ago",
    "shop_season": "the average level of past dates, moved by what the whole shop sold in this season a year ago",
    "average": "the average level of past dates, because this season a year ago is not known",
    "none": "what the purchase model (BG/NBD) expects, because no past date can be compared",
}
SHORT_LEVEL = {
    "last_year": "season a year ago",
    "shop_season": "season of the shop",
    "average": "average of the past",
    "none": "no past level",
}


def spend_words(is_net: bool) -> str:
    """What spend means: less returns, where these are known.

    >>> spend_words(True), spend_words(False)
    ('spend after returns', 'spend')
    """
    return "spend after returns" if is_net else "spend"


def method_words(run: WorthRun) -> str:
    """How the values were made, in one sentence."""
    if not run.is_learned:
        return f"Predicted by {METHOD_WORDS['bgnbd']}, from order dates and amounts alone."
    n_rounds = len(run.rounds)
    tried = f", chosen at {n_rounds} past date{'s' if n_rounds > 1 else ''}" if n_rounds else ""
    return f"Predicted by {METHOD_WORDS[run.method]}{tried}; the total is at {LEVEL_WORDS[run.level_rule]}."


def assumptions(run: WorthRun) -> str:
    """What the lifetime value takes for granted."""
    spend = spend_words(run.is_net)
    margin = (
        f"the whole {spend} counts as margin"
        if run.margin_rate == 1.0
        else f"{100 * run.margin_rate:g} % of {spend} is margin"
    )
    season = (
        "each season has the level it had a year ago"
        if run.knows_seasons
        else "all seasons have the level of an average one"
    )
    returns = "" if run.is_net else "; no returns are known, so none are taken off"
    return (
        f"Lifetime value: margin over {run.plan.lifetime_years:g} years, discounted at "
        f"{100 * run.plan.discount_rate:g} % a year. Assumed: {margin}; after the first {run.plan.horizon_days} days "
        f"{season}, and customers stop buying over the years as the purchase model BG/NBD says; prices and the shop "
        f"stay as they are{returns}."
    )


def lifetime_words(run: WorthRun) -> str:
    """How far off such totals were for all the time since past dates."""
    checks = [check for check in run.lifetime_checks if check.knows_seasons]
    if not checks:
        return "No past date lies far enough back to check more than the first horizon."
    longest = checks[0]
    off = 100 * (longest.ratio - 1)
    said = "what came" if abs(off) < 0.5 else f"{abs(off):.0f} % {'above' if off > 0 else 'below'} what came"
    found = (
        f"Checked over the longest time there is: what would have been said on {longest.cutoff:%-d %b %Y} for the "
        f"{longest.days} days after it was {said}."
    )
    if run.lifetime_bounds is None:
        return found
    worst = [check.ratio for check in checks]
    return (
        f"{found} At {len(worst)} past dates such totals were {min(worst):.2f} to {max(worst):.2f} times what came; "
        "the low and the high amount are as far off, either way, as the worst of them."
    )


def _order_words(correlation: float) -> str:
    """How well the order of the tenths was foreseen, where it was foreseen well.

    >>> _order_words(1.0), _order_words(0.988)
    ('in the order predicted', 'nearly in the order predicted (rank correlation 0.99)')
    """
    if correlation > 0.9995:
        return "in the order predicted"
    return f"nearly in the order predicted (rank correlation {correlation:.2f})"


def verdict(checked: HoldOut) -> str:
    """What the hold-out check says, in one sentence."""
    if checked.ratio is None or checked.actual <= 0:
        return "Nobody bought anything in the horizon that was checked, so nothing can be said about the level."
    off = 100 * (checked.ratio - 1)
    total = f"{abs(off):.0f} % {'above' if off > 0 else 'below'} what came" if abs(off) >= 0.5 else "what came"
    if checked.decile_correlation is None:
        return f"The total was {total}."
    order = (
        f"and the tenths of the customers came {_order_words(checked.decile_correlation)}"
        if checked.decile_correlation >= 0.95
        else f"and the tenths of the customers came in another order (rank correlation "
        f"{checked.decile_correlation:.2f})"
    )
    return f"The total was {total}, {order}."
