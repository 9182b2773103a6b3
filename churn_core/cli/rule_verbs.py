"""Verbs about groups by rule: rules and tags."""

from __future__ import annotations

import argparse
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from churn_core.cli.options import Verbs, add_verb, opened_workspace
from churn_core.cli.output import show, table
from churn_core.errors import InputError, unknown_name

if TYPE_CHECKING:
    from churn_core.customers.rule_segments import RuleCount
    from churn_core.customers.rules import Rule
    from churn_core.warehouse import Warehouse

_LINE_HELP = (
    "a line like 'risk at_least 50%%', 'country one_of France,Spain' or 'last_order in_last_days 90'; give it again "
    "for further lines"
)


def add_verbs(verbs: Verbs) -> None:
    """Add ``rules`` and ``tags`` with their own verbs to the parser."""
    _add_rules(verbs)
    _add_tags(verbs)


def _add_rules(verbs: Verbs) -> None:
    summary = "Segments by rule: count, save, list, overlap, delete, refresh."
    parser = verbs.add_parser("rules", help=summary, description=summary)
    own = parser.add_subparsers(dest="rules_verb", metavar="VERB", required=True)
    counted = add_verb(
        own, "count", count, "How many customers a rule means, with the money, the sentence and the SQL."
    )
    _add_rule(counted)
    saved = add_verb(own, "save", save, "Keep a rule as a segment whose customers are found again with every import.")
    saved.add_argument("name", metavar="NAME", help="name of the segment")
    _add_rule(saved)
    add_verb(own, "list", list_segments, "Saved segments of every kind, with what is at stake.")
    add_verb(own, "fields", list_fields, "What rules can ask in this workspace.")
    shared = add_verb(own, "overlap", overlap, "How many customers saved segments share.")
    shared.add_argument("names", nargs="*", metavar="NAME", help="segments to compare (default: all)")
    gone = add_verb(own, "delete", delete, "Forget a segment.")
    gone.add_argument("name", metavar="NAME", help="name of the segment")
    add_verb(own, "refresh", refresh, "Find the customers of tags and rule segments again.")


def _add_tags(verbs: Verbs) -> None:
    summary = "Tags of customers: list, make by rule, give and take by hand, delete."
    parser = verbs.add_parser("tags", help=summary, description=summary)
    own = parser.add_subparsers(dest="tags_verb", metavar="VERB", required=True)
    listed = add_verb(own, "list", list_tags, "All tags with what they mean, or those of one customer.")
    listed.add_argument("--customer", metavar="ID", help="only the tags of this customer")
    made = add_verb(own, "make", make, "An own tag by a rule; without lines, one that is given by hand.")
    made.add_argument("tag", metavar="TAG", help="the word")
    _add_rule(made)
    for name, run, words in (
        ("give", give, "Mark customers by hand."),
        ("take", take, "Take a tag given by hand away."),
    ):
        verb = add_verb(own, name, run, words)
        verb.add_argument("tag", metavar="TAG", help="the word")
        verb.add_argument("customers", nargs="+", metavar="ID", help="customer ids")
    gone = add_verb(own, "delete", delete_own, "Forget an own tag.")
    gone.add_argument("tag", metavar="TAG", help="the word")


def _add_rule(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--where", action="append", metavar="LINE", help=_LINE_HELP)
    parser.add_argument("--any", action="store_true", help="any of the lines is enough (default: all must hold)")
    parser.add_argument("--rule", metavar="JSON", help="the whole rule as JSON, or @FILE with it")


def count(args: argparse.Namespace) -> int:
    """``churn rules count``."""
    from churn_core.customers.rule_segments import count_rule
    from churn_core.customers.rule_sql import rule_sql
    from churn_core.customers.rule_words import rule_sentence
    from churn_core.customers.rules import rule_json

    warehouse, rule = opened_workspace(args), _rule(args)
    found, asked = count_rule(warehouse, rule), rule_sql(warehouse, rule)
    values = {name: value for name, value in asked.parameters.items() if f"${name}" in asked.shown}
    result = {
        **asdict(found),
        "rule": rule_json(rule),
        "sentence": rule_sentence(rule),
        "sql": asked.shown,
        "parameters": values,
    }
    lines = [
        rule_sentence(rule),
        _count_words(found, str(warehouse.setting("currency", "") or "")),
        "",
        asked.shown,
        *(f"-- ${name} = {values[name]}" for name in values),
    ]
    return show(args, result, lines)


def save(args: argparse.Namespace) -> int:
    """``churn rules save``."""
    from churn_core.customers.rule_segments import save_rule_segment

    saved = save_rule_segment(opened_workspace(args), args.name, _rule(args))
    words = f"Segment {saved.name!r} saved with {saved.n_members:,} customers: {saved.meaning}"
    return show(args, asdict(saved), [words])


def list_segments(args: argparse.Namespace) -> int:
    """``churn rules list``."""
    from churn_core.customers.rule_segments import standings

    warehouse = opened_workspace(args)
    currency = str(warehouse.setting("currency", "") or "")
    found = standings(warehouse)
    rows = [
        (
            standing.segment.name,
            standing.segment.kind,
            f"{standing.segment.n_members:,}",
            f"{standing.n_left:,}",
            f"{standing.n_scored:,}",
            _amount(standing.value_at_risk, currency),
            _amount(standing.mean_value_at_risk, currency),
            "-" if standing.mean_risk is None else f"{100 * standing.mean_risk:.1f} %",
        )
        for standing in found
    ]
    lines = table(("segment", "kind", "customers", "left", "scored", "value at risk", "each", "mean risk"), rows)
    lines += [f"{entry.segment.name!r} keeps the customers it had: {entry.problem}" for entry in found if entry.problem]
    result = [{**asdict(entry.segment), **asdict(entry)} for entry in found]
    return show(args, result, lines if found else ["There is no saved segment in this workspace yet."])


def list_fields(args: argparse.Namespace) -> int:
    """``churn rules fields``."""
    from churn_core.customers.rule_choices import field_choices

    choices = field_choices(opened_workspace(args))
    result = [
        {
            "name": choice.field.name,
            "label": choice.field.label,
            "kind": choice.field.kind,
            "unit": choice.field.unit,
            "operators": list(choice.field.operators),
            "options": list(choice.options),
            "meaning": choice.field.meaning,
        }
        for choice in choices
    ]
    width = max(len(choice.field.name) for choice in choices)
    lines = [f"{choice.field.name:<{width}}  {choice.field.kind:<9}  {choice.field.meaning}" for choice in choices]
    return show(args, result, lines)


def overlap(args: argparse.Namespace) -> int:
    """``churn rules overlap``."""
    from churn_core.customers.rule_segments import overlaps

    warehouse = opened_workspace(args)
    found = overlaps(warehouse, tuple(_segment_id(warehouse, name) for name in args.names))
    names = [entry.name for entry in found.segments]
    result = {
        "segments": names,
        "n_shared": [list(row) for row in found.n_shared],
        "shares": [[found.share(row, column) for column in range(len(names))] for row in range(len(names))],
    }
    rows = [
        (name, *(_cell(found.n_shared[row][column], found.share(row, column)) for column in range(len(names))))
        for row, name in enumerate(names)
    ]
    lines = table(("of these, in", *names), rows) if names else ["There is no saved segment in this workspace yet."]
    return show(args, result, lines)


def delete(args: argparse.Namespace) -> int:
    """``churn rules delete``."""
    from churn_core.customers.segments import delete_segment

    warehouse = opened_workspace(args)
    delete_segment(warehouse, _segment_id(warehouse, args.name))
    return show(args, {"deleted": args.name}, [f"Segment {args.name!r} deleted."])


def refresh(args: argparse.Namespace) -> int:
    """``churn rules refresh``."""
    from churn_core.customers.group_refresh import refresh_groups

    found = refresh_groups(opened_workspace(args))
    return show(args, asdict(found), [found.message])


def list_tags(args: argparse.Namespace) -> int:
    """``churn tags list``."""
    from churn_core.customers.tags import tags, tags_of

    warehouse = opened_workspace(args)
    if args.customer:
        given = tags_of(warehouse, args.customer)
        lines = [f"{tag.tag}: {tag.meaning}" for tag in given]
        nobody = [f"Customer {args.customer!r} has no tag."]
        return show(args, [asdict(tag) for tag in given], lines or nobody)
    found = tags(warehouse)
    lines = [f"{tag.tag} ({tag.n_customers:,}): {tag.meaning}" for tag in found]
    none = ["There are no tags yet; 'churn rules refresh' finds them."]
    return show(args, [asdict(tag) for tag in found], lines or none)


def make(args: argparse.Namespace) -> int:
    """``churn tags make``."""
    from churn_core.customers.tags import make_tag

    rule = _rule(args) if args.where or args.rule else None
    made = make_tag(opened_workspace(args), args.tag, rule=rule)
    return show(args, asdict(made), [f"Tag {made.tag!r} made; {made.n_customers:,} customers have it."])


def give(args: argparse.Namespace) -> int:
    """``churn tags give``."""
    from churn_core.customers.tags import give_tag

    n_new = give_tag(opened_workspace(args), args.tag, args.customers)
    return show(args, {"tag": args.tag, "n_new": n_new}, [f"{n_new:,} customers were marked with {args.tag!r}."])


def take(args: argparse.Namespace) -> int:
    """``churn tags take``."""
    from churn_core.customers.tags import take_tag

    warehouse = opened_workspace(args)
    for customer in args.customers:
        take_tag(warehouse, args.tag, customer)
    return show(args, {"tag": args.tag, "customers": args.customers}, [f"{args.tag!r} was taken away."])


def delete_own(args: argparse.Namespace) -> int:
    """``churn tags delete``."""
    from churn_core.customers.tags import delete_tag

    delete_tag(opened_workspace(args), args.tag)
    return show(args, {"deleted": args.tag}, [f"Tag {args.tag!r} deleted."])


def _rule(args: argparse.Namespace) -> Rule:
    """The rule of the options; InputError when there is none, or two."""
    from churn_core.customers.rule_text import rule_from_lines
    from churn_core.customers.rules import rule_from_json

    if bool(args.rule) == bool(args.where):
        raise InputError("give the rule either as lines, like --where 'risk at_least 50%', or as JSON with --rule.")
    if args.where:
        return rule_from_lines(args.where, join="any" if args.any else "all")
    if not args.rule.startswith("@"):
        return rule_from_json(args.rule)
    file = Path(args.rule[1:])
    try:
        return rule_from_json(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"the file {file} cannot be read as a rule; check its name and that it is text.") from error


def _segment_id(warehouse: Warehouse, name: str) -> int:
    from churn_core.customers.segments import segments

    by_name = {entry.name: entry.segment_id for entry in segments(warehouse)}
    if name not in by_name:
        raise unknown_name("segment", name, by_name)
    return by_name[name]


def _amount(amount: float | None, currency: str) -> str:
    from churn_core.currency import money_text

    return "-" if amount is None else money_text(amount, currency)


def _count_words(found: RuleCount, currency: str) -> str:
    share = f" ({100 * found.n_customers / found.n_everybody:.1f} %)" if found.n_everybody else ""
    at_stake = "" if found.value_at_risk is None else f", value at risk {_amount(found.value_at_risk, currency)}"
    risk = "" if found.mean_risk is None else f", mean risk {100 * found.mean_risk:.1f} % of {found.n_scored:,} scored"
    left = f"; {found.n_left:,} have left, by their label, and are on no list" if found.n_left else ""
    return f"{found.n_customers:,} of {found.n_everybody:,} customers{share}{at_stake}{risk}{left}."


def _cell(n_shared: int, share: float | None) -> str:
    return f"{n_shared:,}" if share is None else f"{n_shared:,} ({100 * share:.1f} %)"
