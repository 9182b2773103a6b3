"""The blocks of the Customer page: who, how likely, why, since when, and what happened."""

from __future__ import annotations

from dataclasses import asdict

import pandas as pd
import streamlit as st

from churn_core.customers.explanation import by_family, sampled_words, told_by
from churn_core.customers.profile import CustomerProfile, CustomerScore, FeatureContribution, feature_label
from churn_core.customers.similar import Similar
from churn_core.features.words import range_text
from churn_core.figures.contributions import Reading, bars, contributions_figure, explained, value_text
from churn_core.figures.customers import has_line, history_sentence, risk_history_figure, timeline_figure
from churn_core.figures.force import HEIGHT
from churn_core.figures.theme import UNKNOWN, count, counted, day, measure, money, percent, tier_label
from churn_core.models.families import CONSTANTS, family_label, family_of
from ui import session
from ui import session_customers as calls
from ui.currency_hint import currency_hint
from ui.customer_table import N_ROWS_SEEN, customer_table
from ui.errors import plain, sentence
from ui.key_figures import figures_row, key_figure
from ui.reading import reading_choice
from ui.rhythm_blocks import customer_rhythm
from ui.session import Stamp
from ui.widgets import chart

PARTS = ("What adds up to it", "Why did it move?", "What if?", "What happened", "All numbers")
"""What can be looked at of a scored customer, one at a time, below who, how likely and why in words."""


def choose_block(stamp: Stamp) -> str | None:
    """Search by id, name or e-mail; the id when the text is one, None while a match is to be chosen."""
    text = st.text_input(
        "Customer",
        key="customer",
        bind="query-params",
        placeholder="Id, name or e-mail",
        icon=":material/search:",
        width=360,
    )
    if calls.is_customer(stamp, text or ""):
        return text
    matches = calls.found(stamp, text or "")
    if not matches:
        st.info(f"No customer's id, name or e-mail address contains {plain(text)}. Try a shorter part of it.")
        return None
    seen = f"; {N_ROWS_SEEN} are seen at once, scroll in the table for the others" if len(matches) > N_ROWS_SEEN else ""
    st.caption(_found_words(stamp, text or "", len(matches)) + seen)
    customer_table(pd.DataFrame([asdict(match) for match in matches]), session.currency(), key="matches")
    return None


def _found_words(stamp: Stamp, text: str, n_shown: int) -> str:
    """How many customers were found, and that only the first are listed where there are more."""
    if not text:
        return f"The {counted(n_shown, 'customer')} with the most value at risk"
    n_found = calls.n_found(stamp, text)
    if n_found > n_shown:
        return f"The first {count(n_shown)} of {counted(n_found, 'customer')} found; type more to narrow them down"
    return f"{counted(n_shown, 'customer')} found"


def facts_block(profile: CustomerProfile, currency: str) -> None:
    """Who the customer is, with risk and money in one row."""
    named = f" · {plain(profile.name)}" if profile.name else ""
    st.subheader(f"{plain(profile.customer_id)}{named}", anchor=False)
    facts = _facts(profile)
    if facts:
        st.markdown(f":gray[{' · '.join(plain(fact) for fact in facts)}]")
    if profile.left:
        st.warning(f"{plain(profile.left)} On no list, in no total and in no alert.", icon=":material/logout:")
    if profile.score is None:
        st.info(sentence(profile.not_scored))
    with figures_row("customer"):
        if profile.score is not None:
            _score_figures(profile.score, currency, has_left=bool(profile.left))
        _purchase_figures(profile, currency)
    currency_hint()


def _score_figures(score: CustomerScore, currency: str, *, has_left: bool) -> None:
    place = "has left" if has_left else f"place {count(score.rank)} of {count(score.n_ranked)}"
    key_figure("Risk", percent(score.risk), f"{tier_label(score.tier)} tier")
    key_figure("Value at risk", money(score.value_at_risk, currency), place, meaning="Risk x expected value")
    key_figure("Expected value", money(score.expected_value, currency), "if they stay",
               meaning="Expected margin within the horizon, after returns where their amounts are known.")  # fmt: skip


def _purchase_figures(profile: CustomerProfile, currency: str) -> None:
    bought = profile.purchases
    if bought is None:
        return
    key_figure("Last order", day(bought.last_order), _usual_gap(profile))
    returned = counted(bought.n_returns, "return") if bought.n_returns else "no returns"
    key_figure("Orders", count(bought.n_orders), f"{money(bought.spend_amount, currency)}, {returned}")


def _usual_gap(profile: CustomerProfile) -> str:
    """The usual gap as the own rhythm below has it: one number for one thing."""
    if profile.purchases is None or profile.purchases.mean_gap_days is None:
        return "a single order day"
    found = customer_rhythm(session.stamp(), profile.customer_id)
    if found is None or found.usual_gap_days is None:
        return ""
    return f"usual gap {counted(max(round(found.usual_gap_days), 1), 'day')}"


def _facts(profile: CustomerProfile) -> list[str]:
    facts = [text for text in (profile.city, profile.country, profile.language, profile.email, profile.phone) if text]
    if profile.email_consent is not None:
        facts.append("e-mail allowed" if profile.email_consent else "no e-mail consent")
    if profile.signup_time:
        facts.append(f"signed up {day(profile.signup_time)}")
    return facts


def contributions_block(stamp: Stamp, score: CustomerScore, customer_id: str, currency: str) -> None:
    """What adds up to the risk: the force plot with how to read it, and the same as steps with their words."""
    reading = reading_choice(has_groups=_has_groups(score))
    if not bars(score, reading, currency=currency):
        st.markdown(f":gray[Nothing moves this risk away from {percent(score.usual_risk)}, where everybody starts.]")
        return
    force = calls.force_plot(stamp, customer_id, reading, currency, session.mode())
    st.iframe(force, height=HEIGHT, alt="SHAP force plot")
    st.caption(_how_to_read(score, reading), help=_where_it_starts(score))
    chart(contributions_figure(score, reading, currency=currency, mode=session.mode()), key="contributions")


def _has_groups(score: CustomerScore) -> bool:
    """Whether some signal stands for less than a group of the same name."""
    names = [part.name for part in score.contributions if part.name not in CONSTANTS]
    return any(family_label(family_of(name)) != feature_label(name) for name in names)


def _how_to_read(score: CustomerScore, reading: Reading) -> str:
    """The force plot and the bars in plain words."""
    words = (
        f"Every bar pushes the risk up (red) or down (blue): from {percent(score.usual_risk)}, the model's answer for "
        f"an average customer of whom nothing else is known, to this customer's {percent(score.risk)}."
    )
    if reading == "every signal":
        words += (
            " Signals of one group overlap and may pull against each other: read a single one only together with "
            "its group."
        )
    sampled = sampled_words(score.run)
    return f"{words} {plain(sampled)}" if sampled else words


def _where_it_starts(score: CustomerScore) -> str:
    """What the bars measure, and why they do not start at the mean risk."""
    words = (
        "The bars are SHAP values of the calibrated log-odds, a scale stretched towards 0 % and 100 % on which "
        "contributions add up to the risk exactly. They start at the average on this scale."
    )
    if score.mean_risk is None:
        return words
    return (
        f"{words} The mean risk on Today, {percent(score.mean_risk)}, is the plain mean of all "
        f"{counted(score.run.n_customers, 'customer')} scored."
    )


def reasons_block(stamp: Stamp, score: CustomerScore, customer_id: str, currency: str) -> None:
    """Reasons in words, each with what is usual among similar customers."""
    st.markdown(f"**{plain(explained(score))}**")
    alike = calls.similar_customers(stamp, customer_id)
    for title, reasons in (("Raises the risk", score.reasons_up), ("Lowers the risk", score.reasons_down)):
        st.markdown(f"**{title}**")
        lines = [f"- {plain(reason)}{_among_similar(reason, score, alike, currency)}" for reason in reasons]
        st.markdown("\n".join(lines) or ":gray[Nothing does.]")
    if score.reasons_up or score.reasons_down:
        usual = f"Usual: the middle half of all {count(score.run.n_customers)} customers scored"
        st.caption(f"{usual}{_who_is_similar(alike)}.")


def _who_is_similar(alike: Similar | None) -> str:
    if alike is None:
        return ""
    return f"; similar: the middle half of {count(alike.n_customers)} {plain(alike.words)}"


def _among_similar(reason: str, score: CustomerScore, alike: Similar | None, currency: str) -> str:
    """What is usual among similar customers; nothing where the customer has no number to stand beside it."""
    part = told_by(reason, score.contributions, currency) if alike is not None else None
    if alike is None or part is None or part.value is None or part.name not in alike.ranges:
        return ""
    low, high = alike.ranges[part.name]
    return f" :gray[· similar {plain(range_text(part.unit, low, high, currency=currency))}]"


def history_block(stamp: Stamp, profile: CustomerProfile) -> None:
    """Risk over the scorings, or why there is no line yet."""
    if not profile.history:
        return
    if has_line(profile.history):
        chart(risk_history_figure(profile.history, calls.policy(stamp), mode=session.mode()), key="history")
        return
    st.markdown(f"**{history_sentence(profile.history)}**")
    st.markdown(":gray[There is one scoring so far, so there is no line yet. It begins with the next scoring.]")


def timeline_block(stamp: Stamp, customer_id: str, currency: str) -> None:
    """What happened when, as a chart and as a list."""
    with st.spinner("Looking through what happened", show_time=False):
        profile = calls.customer(stamp, customer_id, has_timeline=True)
    if not profile.timeline:
        st.markdown(":gray[No order, visit or message of this customer was imported.]")
        return
    chart(timeline_figure(profile, currency=currency, mode=session.mode()), key="timeline")
    left_off = f", {counted(profile.n_left_off, 'older entry', 'older entries')} left off" if profile.n_left_off else ""
    with st.expander(f"The same as a list ({counted(len(profile.timeline), 'entry', 'entries')}{left_off})"):
        st.dataframe(
            [
                {
                    "When": entry.at,
                    "Kind": entry.source,
                    "What": entry.what,
                    "Amount": "" if entry.amount is None else money(entry.amount, currency),
                }
                for entry in profile.timeline
            ],
            hide_index=True,
            column_config={"When": st.column_config.DatetimeColumn(format="D MMM YYYY, HH:mm")},
        )


def features_block(stamp: Stamp, score: CustomerScore, customer_id: str, currency: str) -> None:
    """All features with the customer's value, the usual ranges and the contribution."""
    places = {family.name: place for place, family in enumerate(by_family(score))}
    parts = sorted(score.contributions, key=lambda part: places.get(family_of(part.name), len(places)))
    alike = calls.similar_customers(stamp, customer_id)
    st.caption(
        f"All {counted(len(parts), 'number')} that the model sees of this customer, the group that moves the risk "
        "most first."
    )
    st.dataframe(
        [
            {
                "Group": family_label(family_of(part.name)),
                "Feature": part.label,
                "Value": value_text(part, currency),
                "Usual": _range(part, (part.usual_low, part.usual_high), currency),
                **({"Similar": _range(part, alike.ranges.get(part.name), currency)} if alike else {}),
                "Contribution": part.contribution,
                "Meaning": part.meaning,
            }
            for part in parts
        ],
        hide_index=True,
        column_config={
            "Contribution": st.column_config.NumberColumn(
                format="%+.3f", help="Change of the calibrated log-odds; positive raises the risk"
            ),
            "Usual": st.column_config.TextColumn(help="The middle half of all customers who were scored"),
            "Similar": st.column_config.TextColumn(
                help="The middle half of the customers most like this one; below the reasons it says in what"
            ),
        },
    )


def attributes_block(profile: CustomerProfile) -> None:
    """Further columns of the user's files."""
    if profile.attributes:
        with st.expander(f"{counted(len(profile.attributes), 'attribute')}, as known today"):
            st.dataframe([{"Attribute": name, "Value": value} for name, value in profile.attributes], hide_index=True)


def _range(part: FeatureContribution, found: tuple[float | None, float | None] | None, currency: str) -> str:
    low, high = found or (None, None)
    if low is None or high is None:
        return UNKNOWN
    return f"{measure(low, part.unit, currency)} to {measure(high, part.unit, currency)}"
