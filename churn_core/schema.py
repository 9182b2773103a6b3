"""Every table of a workspace, declared once.

DDL, the data dictionary, the mapping targets of the import page and the upload templates all come from
these declarations, so they cannot drift apart. Nothing here touches a database.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Column:
    """One column of a table."""

    name: str
    """Name in SQL, in files and on pages."""
    type: str
    """DuckDB type."""
    meaning: str
    """What it holds, with the unit."""
    required: bool = False
    """Whether a row without it is rejected."""
    mappable: bool = True
    """Whether a column of an uploaded file can be mapped to it."""
    personal: bool = False
    """Whether it identifies or reaches a person."""
    example: str = ""
    """A value for the upload template."""


@dataclass(frozen=True, kw_only=True)
class Table:
    """One table: its columns, its key and what it is for."""

    name: str
    columns: tuple[Column, ...]
    key: tuple[str, ...]
    """Columns that identify a row; an import with the same key updates the row."""
    meaning: str
    time: str | None = None
    """The column that says when the row became known, if the table has a time."""
    adds: str = ""
    """What a user gets from uploading it."""
    indexed: bool = True
    """Whether the key is declared PRIMARY KEY (large fact tables are kept unique by the loader instead)."""

    def column(self, name: str) -> Column:
        """The column of that name; KeyError if there is none."""
        for column in self.columns:
            if column.name == name:
                return column
        raise KeyError(name)

    @property
    def column_names(self) -> tuple[str, ...]:
        """Names of all columns in order."""
        return tuple(column.name for column in self.columns)

    @property
    def mappable(self) -> tuple[Column, ...]:
        """The columns an uploaded file may fill."""
        return tuple(column for column in self.columns if column.mappable)


def _column(name: str, type_: str, meaning: str, *flags: str, example: str = "") -> Column:
    return Column(
        name=name,
        type=type_,
        meaning=meaning,
        required="required" in flags,
        mappable="internal" not in flags,
        personal="personal" in flags,
        example=example,
    )


_CUSTOMER = _column(
    "customer_id", "VARCHAR", "Customer id, kept as text exactly as given", "required", example="C-00042"
)
_IMPORT = _column("import_id", "BIGINT", "Import that last wrote the row", "internal")

CUSTOMERS = Table(
    name="customers",
    meaning="One row per customer: who they are, as known today.",
    key=("customer_id",),
    adds="names and addresses on lists, filters by attribute",
    columns=(
        _CUSTOMER,
        _column("name", "VARCHAR", "Name", "personal", example="Ada Lovelace"),
        _column("email", "VARCHAR", "E-mail address", "personal", example="ada@example.org"),
        _column("phone", "VARCHAR", "Telephone number", "personal", example="+44 20 0000 0000"),
        _column("country", "VARCHAR", "Country", example="United Kingdom"),
        _column("city", "VARCHAR", "City", example="London"),
        _column("language", "VARCHAR", "Language of correspondence", example="en"),
        _column("signup_time", "TIMESTAMP", "When the account was opened (UTC)", example="2024-03-01"),
        _column("email_consent", "BOOLEAN", "Whether e-mail marketing is allowed", example="yes"),
        _column("attributes", "JSON", "Further columns of the file, as known today", "internal"),
        _IMPORT,
    ),
)

ORDERS = Table(
    name="orders",
    meaning="One row per order: who bought when and for how much.",
    key=("order_id",),
    time="order_time",
    adds="everything starts here",
    indexed=False,
    columns=(
        _CUSTOMER,
        _column(
            "order_id",
            "VARCHAR",
            "Order or invoice number; made from customer and time when the file has none",
            example="A-1001",
        ),
        _column("order_time", "TIMESTAMP", "When the order was placed (UTC)", "required", example="2025-05-17 14:03"),
        _column("amount", "DECIMAL(18,2)", "What the customer paid, in the shop's currency", example="49.90"),
        _column("n_items", "DOUBLE", "Pieces in the order", example="3"),
        _column("discount_amount", "DECIMAL(18,2)", "Discount granted, in the shop's currency", example="5.00"),
        _column("channel", "VARCHAR", "Where the order came from", example="web"),
        _column("n_lines", "INTEGER", "Order lines it was aggregated from", "internal"),
        _column(
            "gap_days",
            "INTEGER",
            "Days since the customer's previous day with an order; empty for the first day and for further orders of a day",
            "internal",
        ),
        _column("is_new_day", "BOOLEAN", "Whether it is the customer's first order of that day", "internal"),
        _IMPORT,
    ),
)

ORDER_LINES = Table(
    name="order_lines",
    meaning="One row per article in an order.",
    key=("order_id", "line_no"),
    time="order_time",
    adds="breadth of categories, basket and discount signals",
    indexed=False,
    columns=(
        _column("order_id", "VARCHAR", "Order or invoice number", "required", example="A-1001"),
        _column("line_no", "INTEGER", "Position in the order", "internal"),
        _CUSTOMER,
        _column("order_time", "TIMESTAMP", "When the order was placed (UTC)", "required", example="2025-05-17 14:03"),
        _column("product_id", "VARCHAR", "Article number", example="85123A"),
        _column("product_name", "VARCHAR", "Article name", example="Tea light holder"),
        _column("category", "VARCHAR", "Article category", example="Home"),
        _column("quantity", "DOUBLE", "Pieces; negative means returned", example="2"),
        _column("unit_price", "DECIMAL(18,4)", "Price of one piece, in the shop's currency", example="9.95"),
        _column("amount", "DECIMAL(18,2)", "Line total; quantity x unit price when the file has none", example="19.90"),
        _column("discount_amount", "DECIMAL(18,2)", "Discount granted on the line", example="0"),
        _IMPORT,
    ),
)

RETURNS = Table(
    name="returns",
    meaning="One row per return or cancellation.",
    key=("return_id",),
    time="return_time",
    adds="return signals, net value",
    indexed=False,
    columns=(
        _CUSTOMER,
        _column("return_id", "VARCHAR", "Return or credit note number", example="R-77"),
        _column(
            "return_time", "TIMESTAMP", "When it was returned or cancelled (UTC)", "required", example="2025-05-20"
        ),
        _column("amount", "DECIMAL(18,2)", "What was paid back, as a positive amount", example="9.95"),
        _column("order_id", "VARCHAR", "Order it belongs to", example="A-1001"),
        _IMPORT,
    ),
)

EVENTS = Table(
    name="events",
    meaning="One row per visit, product view, cart or search.",
    key=("event_id",),
    time="event_time",
    adds="browsing and cart-without-order signals, often weeks earlier than orders",
    indexed=False,
    columns=(
        _CUSTOMER,
        _column("event_id", "VARCHAR", "Event id; made from the row when the file has none"),
        _column("event_time", "TIMESTAMP", "When it happened (UTC)", "required", example="2025-05-16 21:40"),
        _column("kind", "VARCHAR", "visit, view, cart, search, wishlist or login", "required", example="view"),
        _column("product_id", "VARCHAR", "Article number", example="85123A"),
        _column("category", "VARCHAR", "Article category", example="Home"),
        _column("session_id", "VARCHAR", "Visit the event belongs to", example="s-1"),
        _IMPORT,
    ),
)

FEEDBACK = Table(
    name="feedback",
    meaning="One row per review or survey answer.",
    key=("feedback_id",),
    time="feedback_time",
    adds="rating signals; reasons in the customers' own words",
    indexed=False,
    columns=(
        _CUSTOMER,
        _column("feedback_id", "VARCHAR", "Review id; made from the row when the file has none"),
        _column("feedback_time", "TIMESTAMP", "When it was written (UTC)", "required", example="2025-05-22"),
        _column("rating", "DOUBLE", "Rating, higher is better", example="4"),
        _column("text", "VARCHAR", "What the customer wrote", example="Fast delivery, lovely packaging"),
        _column("language", "VARCHAR", "Language of the text", example="en"),
        _column("product_id", "VARCHAR", "Article it speaks about", example="85123A"),
        _IMPORT,
    ),
)

TICKETS = Table(
    name="tickets",
    meaning="One row per request to customer service.",
    key=("ticket_id",),
    time="opened_at",
    adds="waiting-time and unanswered-complaint signals",
    indexed=False,
    columns=(
        _CUSTOMER,
        _column("ticket_id", "VARCHAR", "Ticket id; made from the row when the file has none"),
        _column("opened_at", "TIMESTAMP", "When the customer asked (UTC)", "required", example="2025-05-23 09:00"),
        _column("first_reply_at", "TIMESTAMP", "When somebody first answered (UTC)", example="2025-05-23 15:30"),
        _column("resolved_at", "TIMESTAMP", "When it was settled (UTC)", example="2025-05-24 11:00"),
        _column("topic", "VARCHAR", "What it was about", example="delivery"),
        _column("satisfaction", "DOUBLE", "Satisfaction with the answer, higher is better", example="5"),
        _column("text", "VARCHAR", "What the customer wrote", example="My parcel has not arrived"),
        _IMPORT,
    ),
)

CONTACTS = Table(
    name="contacts",
    meaning="One row per marketing message and what became of it.",
    key=("contact_id",),
    time="contact_time",
    adds="e-mail engagement signals",
    indexed=False,
    columns=(
        _CUSTOMER,
        _column("contact_id", "VARCHAR", "Contact id; made from the row when the file has none"),
        _column("contact_time", "TIMESTAMP", "When it happened (UTC)", "required", example="2025-06-01 08:00"),
        _column(
            "kind", "VARCHAR", "sent, delivered, opened, clicked, unsubscribed or bounced", "required", example="opened"
        ),
        _column("channel", "VARCHAR", "email, sms, push or phone", example="email"),
        _column("campaign", "VARCHAR", "Campaign or newsletter it belongs to", example="June newsletter"),
        _IMPORT,
    ),
)

SNAPSHOTS = Table(
    name="snapshots",
    meaning="One row per customer with a churn label, for shops without an order history.",
    key=("customer_id",),
    adds="risk from a single table with a churn column",
    columns=(
        _CUSTOMER,
        _column(
            "churned",
            "BOOLEAN",
            "Whether the customer left: the label; empty where it is not known yet",
            "required",
            example="no",
        ),
        _column(
            "value_amount",
            "DECIMAL(18,2)",
            "What the customer is worth per period, in the shop's currency",
            example="29.85",
        ),
        _column("attributes", "JSON", "All further columns of the file", "internal"),
        _column("row_no", "BIGINT", "Row in the file it came from", "internal"),
        _IMPORT,
    ),
)

USER_TABLES: tuple[Table, ...] = (
    CUSTOMERS, ORDERS, ORDER_LINES, RETURNS, EVENTS, FEEDBACK, TICKETS, CONTACTS, SNAPSHOTS,
)  # fmt: skip


def _system(
    name: str, meaning: str, key: tuple[str, ...], *columns: tuple[str, str, str], indexed: bool = True
) -> Table:
    return Table(
        name=name,
        meaning=meaning,
        key=key,
        indexed=indexed,
        columns=tuple(_column(column, type_, text, "internal") for column, type_, text in columns),
    )


SYSTEM_TABLES: tuple[Table, ...] = (
    _system(
        "imports", "One row per file that was loaded.", ("import_id",),
        ("import_id", "BIGINT", "Running number"),
        ("imported_at", "TIMESTAMP", "When (UTC)"),
        ("file_name", "VARCHAR", "Name of the file as uploaded"),
        ("sha256", "VARCHAR", "Digest of the file's bytes"),
        ("mapping", "JSON", "How columns were understood"),
        ("shape_key", "VARCHAR", "Digest of the column names, to remember the mapping"),
        ("tables", "VARCHAR[]", "Tables written"),
        ("n_rows", "BIGINT", "Rows read"),
        ("n_added", "BIGINT", "Rows new to the workspace"),
        ("n_updated", "BIGINT", "Rows that replaced an older version"),
        ("n_unchanged", "BIGINT", "Rows that were there already"),
        ("n_rejected", "BIGINT", "Rows kept aside"),
        ("data_version", "BIGINT", "Data version after the import"),
    ),
    _system(
        "rejected_rows", "Rows that could not be understood, with the cause.", ("import_id", "line_no"),
        ("import_id", "BIGINT", "Import they came with"),
        ("line_no", "BIGINT", "Line in the file, the header being line 1"),
        ("column_name", "VARCHAR", "Column of the file at fault"),
        ("cause", "VARCHAR", "What was wrong"),
        ("raw", "JSON", "The row as it stood in the file"),
        indexed=False,
    ),
    _system(
        "settings", "Workspace settings, one row each.", ("name",),
        ("name", "VARCHAR", "Setting"),
        ("value", "JSON", "Its value"),
        ("changed_at", "TIMESTAMP", "When it was last changed (UTC)"),
    ),
    _system(
        "churn_definitions", "Every definition of churn that was ever active.", ("version",),
        ("version", "INTEGER", "Running number; the highest is active"),
        ("horizon_days", "INTEGER", "Days looked ahead"),
        ("activity_days", "INTEGER", "Eligible: an order within these days; empty for all past buyers"),
        ("lead_days", "INTEGER", "Days left free to act"),
        ("saved_at", "TIMESTAMP", "When it was saved (UTC)"),
    ),
    _system(
        "jobs", "Long-running work.", ("job_id",),
        ("job_id", "VARCHAR", "Identifier"),
        ("kind", "VARCHAR", "import, train, score, export or demo"),
        ("label", "VARCHAR", "What it does, in words"),
        ("status", "VARCHAR", "queued, running, done, failed, cancelled or interrupted"),
        ("message", "VARCHAR", "Last message or error, in one sentence"),
        ("result", "JSON", "What it produced"),
        ("created_at", "TIMESTAMP", "When it was asked for (UTC)"),
        ("finished_at", "TIMESTAMP", "When it ended (UTC)"),
    ),
    _system(
        "model_versions", "Every trained model, whole: a model is data, never a pickle.", ("model_version",),
        ("model_version", "INTEGER", "Running number"),
        ("trained_at", "TIMESTAMP", "When (UTC)"),
        ("source", "VARCHAR", "orders or snapshots"),
        ("estimator", "VARCHAR", "Chosen estimator"),
        ("status", "VARCHAR", "champion, challenger or archived"),
        ("data_version", "BIGINT", "Data it learned from"),
        ("definition_version", "INTEGER", "Churn definition it learned"),
        ("feature_names", "VARCHAR[]", "Inputs in order"),
        ("summary", "JSON", "Cutoffs, parameters, seed, metrics, calibration, library versions"),
        ("artifact", "VARCHAR", "The fitted model as JSON text"),
        ("sha256", "VARCHAR", "Digest of the artifact, checked before use"),
        ("trained_by", "VARCHAR", "Who trained it; empty for versions older than this column"),
    ),
    _system(
        "trials", "What was tried before training: preparation choices compared, settings searched.", ("trial_id",),
        ("trial_id", "INTEGER", "Running number"),
        ("made_at", "TIMESTAMP", "When (UTC)"),
        ("kind", "VARCHAR", "preparation or search"),
        ("source", "VARCHAR", "orders or snapshots"),
        ("data_version", "BIGINT", "Data used"),
        ("definition_version", "INTEGER", "Churn definition used; 0 for a labelled table"),
        ("result", "JSON", "What each choice did, with errors; the best settings found"),
    ),
    _system(
        "replays", "Past cutoffs scored as if on that day, with what became of the customers.", ("replay_id",),
        ("replay_id", "INTEGER", "Running number"),
        ("made_at", "TIMESTAMP", "When (UTC)"),
        ("as_of", "TIMESTAMP", "Last cutoff that was replayed"),
        ("model_version", "INTEGER", "Model whose estimator was replayed"),
        ("data_version", "BIGINT", "Data used"),
        ("definition_version", "INTEGER", "Churn definition used"),
        ("result", "JSON", "Per cutoff and tier: customers, predicted, happened; lead times; value captured"),
    ),
    _system(
        "score_runs", "Every time customers were scored.", ("run_id",),
        ("run_id", "INTEGER", "Running number"),
        ("scored_at", "TIMESTAMP", "When (UTC)"),
        ("as_of", "TIMESTAMP", "Cutoff: nothing from here on was seen"),
        ("source", "VARCHAR", "orders or snapshots"),
        ("model_version", "INTEGER", "Model used"),
        ("data_version", "BIGINT", "Data used"),
        ("definition_version", "INTEGER", "Churn definition used"),
        ("n_customers", "BIGINT", "Customers scored"),
        ("base_log_odds", "DOUBLE", "Where every force plot starts"),
        ("feature_names", "VARCHAR[]", "Order of the values in contributions"),
        ("summary", "JSON", "Usual ranges, notes, tier counts"),
    ),
    _system(
        "scores", "Risk and value of one customer in one run.", ("run_id", "customer_id"),
        ("run_id", "INTEGER", "Score run"),
        ("customer_id", "VARCHAR", "Customer"),
        ("risk", "DOUBLE", "Calibrated probability of churning within the horizon"),
        ("log_odds", "DOUBLE", "The same as calibrated log-odds"),
        ("expected_value", "DOUBLE", "Expected margin within the horizon if the customer stays; empty when unknown"),
        ("value_at_risk", "DOUBLE", "risk x expected value"),
        ("tier", "VARCHAR", "high, medium or low"),
        ("main_reason", "VARCHAR", "Feature that raises the risk most; empty when none does"),
        ("main_group", "VARCHAR", "Group of that feature"),
        indexed=False,
    ),
    _system(
        "reasons", "The strongest reasons of one customer in one run, in words.", ("run_id", "customer_id"),
        ("run_id", "INTEGER", "Score run"),
        ("customer_id", "VARCHAR", "Customer"),
        ("up_1", "VARCHAR", "Strongest reason that raises the risk"),
        ("up_2", "VARCHAR", "Second"),
        ("up_3", "VARCHAR", "Third"),
        ("down_1", "VARCHAR", "Strongest reason that lowers the risk"),
        ("down_2", "VARCHAR", "Second"),
        indexed=False,
    ),
    _system(
        "contributions", "All contributions of one customer in one run.", ("run_id", "customer_id"),
        ("run_id", "INTEGER", "Score run"),
        ("customer_id", "VARCHAR", "Customer"),
        ("feature_values", "FLOAT[]", "Values of the features, in the run's order; empty where a value is not a number"),
        ("contributions", "FLOAT[]", "Contributions to the calibrated log-odds, in the run's order"),
        indexed=False,
    ),
    _system(
        "tier_policies", "Every tier policy ever saved; one is active.", ("version",),
        ("version", "INTEGER", "Running number"),
        ("high_from", "DOUBLE", "Risk from which a customer is in the high tier"),
        ("medium_from", "DOUBLE", "Risk from which a customer is in the medium tier"),
        ("saved_at", "TIMESTAMP", "When it was saved (UTC)"),
        ("kind", "VARCHAR", "probability, capacity or profit: what decides the thresholds"),
        ("settings", "JSON", "What the thresholds follow from: people per day, costs, margin, chance to save"),
        ("is_active", "BOOLEAN", "Whether scoring uses it; one policy is active"),
    ),
    _system(
        "segments", "Saved groups of customers.", ("segment_id",),
        ("segment_id", "INTEGER", "Running number"),
        ("name", "VARCHAR", "Name"),
        ("meaning", "VARCHAR", "How it was made, in words"),
        ("saved_at", "TIMESTAMP", "When (UTC)"),
        ("kind", "VARCHAR", "members (fixed on the day it was saved), rule or cluster (both follow the data)"),
        ("rule", "JSON", "The rule, or the segmentation and number of a cluster; empty for fixed members"),
        ("refreshed_at", "TIMESTAMP", "When its members were last found (UTC); empty for fixed members"),
    ),
    _system(
        "segment_members", "Who is in a saved group.", ("segment_id", "customer_id"),
        ("segment_id", "INTEGER", "Segment"),
        ("customer_id", "VARCHAR", "Customer"),
        indexed=False,
    ),
    _system(
        "segmentations", "Divisions of the customers into segments, with what assigns a new customer.",
        ("segmentation_id",),
        ("segmentation_id", "INTEGER", "Running number"),
        ("name", "VARCHAR", "Name given"),
        ("method", "VARCHAR", "kmeans, ward or mixture"),
        ("made_at", "TIMESTAMP", "When (UTC)"),
        ("made_by", "VARCHAR", "Who made it"),
        ("as_of", "TIMESTAMP", "Cutoff of the features it was made from"),
        ("source", "VARCHAR", "orders or snapshots"),
        ("data_version", "BIGINT", "Data used"),
        ("settings", "JSON", "Features, number of segments, seed, what was asked for"),
        ("artifact", "JSON", "Scaling and centres: all that is needed to assign a customer again"),
        ("summary", "JSON", "Sizes, words and quality of the segments; what each continues"),
        ("continues_id", "INTEGER", "Segmentation it was fitted again from; empty for a new one"),
    ),
    _system(
        "segmentation_members", "Who was in which segment at a date.",
        ("segmentation_id", "as_of", "customer_id"),
        ("segmentation_id", "INTEGER", "Segmentation"),
        ("as_of", "TIMESTAMP", "Cutoff of the features"),
        ("customer_id", "VARCHAR", "Customer"),
        ("segment_no", "INTEGER", "Segment, from 1"),
        ("probability", "DOUBLE", "Probability of that segment; empty where the method has none"),
        indexed=False,
    ),
    _system(
        "rfm_rules", "Every set of RFM thresholds ever saved; one is active.", ("version",),
        ("version", "INTEGER", "Running number"),
        ("saved_at", "TIMESTAMP", "When (UTC)"),
        ("rule", "JSON", "How scores follow from recency, frequency and money, and groups from scores"),
        ("is_active", "BOOLEAN", "Whether it is in use; one is"),
    ),
    _system(
        "tags", "Words that customers are marked with.", ("tag",),
        ("tag", "VARCHAR", "The word"),
        ("meaning", "VARCHAR", "Who gets it, in words"),
        ("rule", "JSON", "The rule; empty for a tag that is given by hand"),
        ("is_own", "BOOLEAN", "Whether the shop made it itself"),
        ("made_at", "TIMESTAMP", "When (UTC)"),
        ("refreshed_at", "TIMESTAMP", "When its customers were last found (UTC)"),
    ),
    _system(
        "customer_tags", "Who is marked with which word.", ("tag", "customer_id"),
        ("tag", "VARCHAR", "The word"),
        ("customer_id", "VARCHAR", "Customer"),
        ("since", "TIMESTAMP", "Since when (UTC)"),
        indexed=False,
    ),
    _system(
        "customer_facts", "What all tables say of each customer, in one row: what rules are asked of.", ("customer_id",),
        ("customer_id", "VARCHAR", "Customer"),
        ("n_orders", "BIGINT", "Orders; empty without any"),
        ("first_order", "TIMESTAMP", "First order (UTC)"),
        ("last_order", "TIMESTAMP", "Last order (UTC)"),
        ("spend_amount", "DECIMAL(38,2)", "Spend in total, in the shop's currency"),
        ("n_orders_90", "BIGINT", "Orders of the last 90 days"),
        ("n_orders_365", "BIGINT", "Orders of the last 365 days"),
        ("spend_365", "DECIMAL(38,2)", "Spend of the last 365 days, in the shop's currency"),
        ("discount_amount", "DECIMAL(38,2)", "Discounts granted in total, in the shop's currency"),
        ("n_discounted_orders", "BIGINT", "Orders with a discount"),
        ("n_timed_orders", "BIGINT", "Orders whose time of day is known"),
        ("n_night_orders", "BIGINT", "Of these, orders at night (UTC)"),
        ("n_returns", "BIGINT", "Returns; empty without any"),
        ("return_amount", "DECIMAL(38,2)", "Paid back in total, in the shop's currency"),
        ("last_return", "TIMESTAMP", "Last return (UTC)"),
        ("n_categories", "BIGINT", "Article categories bought from; empty where no category is known"),
        ("n_tickets", "BIGINT", "Requests to customer service; empty without any"),
        ("last_ticket", "TIMESTAMP", "Last request (UTC)"),
        ("n_reviews", "BIGINT", "Reviews and survey answers; empty without any"),
        ("mean_rating", "DOUBLE", "Mean rating"),
        ("last_review", "TIMESTAMP", "Last review (UTC)"),
        ("last_message", "TIMESTAMP", "Last marketing message sent (UTC)"),
        ("last_opened", "TIMESTAMP", "When a message was last opened or clicked (UTC)"),
        ("last_visit", "TIMESTAMP", "Last visit, view, cart or search (UTC)"),
        indexed=False,
    ),
    _system(
        "customer_groups", "The groups that customers are sorted into, as of the facts.", ("customer_id",),
        ("customer_id", "VARCHAR", "Customer with an order"),
        ("rfm_group", "VARCHAR", "Group by recency, frequency and money, by the RFM rule then in force"),
        ("lifecycle_stage", "VARCHAR", "Stage of the life with the shop"),
        indexed=False,
    ),
    _system(
        "worth_runs", "Every time it was calculated what customers are worth.", ("worth_id",),
        ("worth_id", "INTEGER", "Running number"),
        ("made_at", "TIMESTAMP", "When (UTC)"),
        ("as_of", "TIMESTAMP", "Cutoff: nothing from here on was seen"),
        ("horizon_days", "INTEGER", "Days looked ahead"),
        ("method", "VARCHAR", "How, as chosen by the backtest"),
        ("data_version", "BIGINT", "Data used"),
        ("n_customers", "BIGINT", "Customers valued"),
        ("summary", "JSON", "Backtest against actual spend, candidates, totals, settings"),
    ),
    _system(
        "worth", "What one customer is expected to bring.", ("worth_id", "customer_id"),
        ("worth_id", "INTEGER", "Run"),
        ("customer_id", "VARCHAR", "Customer"),
        ("expected_orders", "DOUBLE", "Expected order days within the horizon"),
        ("expected_spend", "DOUBLE", "Expected spend within the horizon, less returns where they are known, in the shop's currency"),
        ("expected_margin", "DOUBLE", "Expected margin within the horizon, in the shop's currency"),
        ("lifetime_value", "DOUBLE", "Discounted margin over the lifetime horizon, in the shop's currency"),
        ("next_order_at", "TIMESTAMP", "When the next order is most likely due; empty when not known"),
        ("next_order_low", "TIMESTAMP", "Early end of its 80 % interval"),
        ("next_order_high", "TIMESTAMP", "Late end of its 80 % interval; empty when it may never come"),
        ("typical_spend", "DOUBLE", "Spend within the horizon that half of such customers stay below; 0 where most will not order, empty when not known"),
        indexed=False,
    ),
    _system(
        "exports", "Every list that left the product.", ("export_id",),
        ("export_id", "INTEGER", "Running number"),
        ("exported_at", "TIMESTAMP", "When (UTC)"),
        ("file_name", "VARCHAR", "Name given"),
        ("n_rows", "BIGINT", "Rows written"),
        ("filters", "JSON", "What was selected"),
        ("run_id", "INTEGER", "Score run"),
        ("sha256", "VARCHAR", "Digest of the bytes"),
        ("campaign_id", "VARCHAR", "Campaign whose target list it is; empty for other lists"),
        ("manifest", "JSON", "What the list holds: counts, arms, digests; empty for other lists"),
    ),
    _system(
        "campaigns", "Every campaign: first a draft, frozen when its arms are drawn.", ("campaign_id",),
        ("campaign_id", "VARCHAR", "Immutable id; the salt of the draw"),
        ("status", "VARCHAR", "draft, locked, decided or cancelled"),
        ("name", "VARCHAR", "Name given"),
        ("plan", "JSON", "The plan; frozen from the moment it is locked"),
        ("step", "INTEGER", "Step of the plan last worked on, from 1"),
        ("created_at", "TIMESTAMP", "When the draft was begun (UTC)"),
        ("created_by", "VARCHAR", "Who began it"),
        ("changed_at", "TIMESTAMP", "When it was last changed (UTC)"),
        ("plan_text", "VARCHAR", "The plan in words as it was locked"),
        ("plan_sha256", "VARCHAR", "Digest of the plan as it was locked"),
        ("locked_at", "TIMESTAMP", "When the arms were drawn and the plan was frozen (UTC)"),
        ("locked_by", "VARCHAR", "Who locked it"),
        ("starts_at", "TIMESTAMP", "First instant that counts as outcome"),
        ("ends_at", "TIMESTAMP", "End of the last outcome window; empty while customers may still join"),
        ("run_id", "INTEGER", "Score run the audience was chosen from; empty for a list of ids without scores"),
        ("model_version", "INTEGER", "Model behind that run; empty where there was none"),
        ("data_version", "BIGINT", "Data at the draw"),
        ("counts", "JSON", "Audience, each exclusion with what it left, customers per arm"),
    ),
    _system(
        "campaign_lists", "Customer ids that a person gave to a campaign.", ("campaign_id", "kind", "customer_id"),
        ("campaign_id", "VARCHAR", "Campaign"),
        ("kind", "VARCHAR", "audience (to be in it) or exclude (to be left out)"),
        ("customer_id", "VARCHAR", "Customer id as given, trimmed"),
        indexed=False,
    ),
    _system(
        "assignments", "Who was drawn into which arm, with what was known then; written once.",
        ("campaign_id", "customer_id"),
        ("campaign_id", "VARCHAR", "Campaign"),
        ("customer_id", "VARCHAR", "Customer"),
        ("arm", "VARCHAR", "Arm drawn"),
        ("stratum", "VARCHAR", "Stratum the draw was balanced in"),
        ("wave", "INTEGER", "Week of contact, from 1"),
        ("assigned_at", "TIMESTAMP", "When the arm was drawn (UTC)"),
        ("starts_at", "TIMESTAMP", "First instant of the customer's outcome window"),
        ("row_no", "BIGINT", "Place in the target list, from 1"),
        ("tier", "VARCHAR", "Tier at the draw; empty when not scored"),
        ("value_band", "VARCHAR", "Third of the expected value at the draw: high, middle, low; empty when not known"),
        ("main_group", "VARCHAR", "Group of the main reason at the draw; empty when there was none"),
        ("risk", "DOUBLE", "Risk at the draw; empty when not scored"),
        ("expected_value", "DOUBLE", "Expected value at the draw; empty when not known"),
        indexed=False,
    ),
    _system(
        "outcome_files", "Files of outcomes that were matched to a campaign.", ("outcome_id",),
        ("outcome_id", "INTEGER", "Running number"),
        ("campaign_id", "VARCHAR", "Campaign"),
        ("imported_at", "TIMESTAMP", "When (UTC)"),
        ("imported_by", "VARCHAR", "Who brought it"),
        ("file_name", "VARCHAR", "Name of the file"),
        ("sha256", "VARCHAR", "Digest of the file's bytes"),
        ("n_rows", "BIGINT", "Rows read"),
        ("n_matched", "BIGINT", "Customers of the campaign found in it"),
        ("n_missing", "BIGINT", "Customers of the campaign not in it"),
        ("n_unknown", "BIGINT", "Rows about customers who are not in the campaign"),
        ("n_duplicate", "BIGINT", "Rows about a customer who was there already"),
        ("metrics", "JSON", "Outcome columns with their kind"),
    ),
    _system(
        "outcomes", "Outcomes from a file, a row per customer and metric.", ("campaign_id", "metric", "customer_id"),
        ("campaign_id", "VARCHAR", "Campaign"),
        ("metric", "VARCHAR", "Name of the outcome"),
        ("customer_id", "VARCHAR", "Customer"),
        ("value", "DOUBLE", "Outcome; 1 and 0 for yes and no"),
        ("outcome_id", "INTEGER", "File it came with"),
        indexed=False,
    ),
    _system(
        "readouts", "Readouts as they stood when somebody decided, kept for ever.", ("readout_id",),
        ("readout_id", "INTEGER", "Running number"),
        ("campaign_id", "VARCHAR", "Campaign"),
        ("made_at", "TIMESTAMP", "When (UTC)"),
        ("data_version", "BIGINT", "Data used"),
        ("decision", "VARCHAR", "ship, stop or continue"),
        ("person", "VARCHAR", "Who decided"),
        ("why", "VARCHAR", "Why, in their words"),
        ("learned", "VARCHAR", "What was learned, in one sentence"),
        ("result", "JSON", "The readout"),
    ),
    _system(
        "holdouts", "Generations of the global holdout: customers kept out of all campaigns.", ("generation",),
        ("generation", "INTEGER", "Running number; its draw is independent of all others"),
        ("share", "DOUBLE", "Share of customers asked for"),
        ("started_at", "TIMESTAMP", "From when on it is kept out (UTC)"),
        ("reshuffle_at", "TIMESTAMP", "When a new generation is planned (UTC); empty for never"),
        ("ended_at", "TIMESTAMP", "When it ended (UTC); empty for the one in force"),
        ("person", "VARCHAR", "Who began it"),
    ),
    _system(
        "holdout_members", "Who was drawn for a generation of the holdout, and who was not.",
        ("generation", "customer_id"),
        ("generation", "INTEGER", "Generation"),
        ("customer_id", "VARCHAR", "Customer"),
        ("is_held_out", "BOOLEAN", "Whether the customer is kept out of all campaigns"),
        ("since", "TIMESTAMP", "When the customer was drawn (UTC)"),
        indexed=False,
    ),
    _system(
        "uplift_models", "What finished campaigns taught about who can be saved.", ("uplift_version",),
        ("uplift_version", "INTEGER", "Running number"),
        ("made_at", "TIMESTAMP", "When (UTC)"),
        ("campaign_id", "VARCHAR", "Campaign it learned from"),
        ("arm", "VARCHAR", "Treatment it is about"),
        ("learner", "VARCHAR", "learner that ranks, like dr_logistic: t, s, x or dr with its estimator"),
        ("summary", "JSON", "Qini with interval, uplift by decile and tier, groups, costs"),
        ("artifact", "VARCHAR", "The fitted model as JSON text"),
        ("sha256", "VARCHAR", "Digest of the artifact, checked before use"),
        ("is_active", "BOOLEAN", "Whether lists show its answer; at most one is active"),
    ),
    _system(
        "uplift_scores", "Expected effect of contacting one customer, in one run.", ("run_id", "customer_id"),
        ("run_id", "INTEGER", "Score run"),
        ("uplift_version", "INTEGER", "Uplift model"),
        ("customer_id", "VARCHAR", "Customer"),
        ("uplift", "DOUBLE", "Expected difference in the chance to stay, contacted minus not"),
        ("net_value", "DOUBLE", "Expected net value of contacting, in the shop's currency"),
        ("response", "VARCHAR", "persuadable, sure thing, lost cause or do not disturb"),
        indexed=False,
    ),
    _system(
        "alerts", "Customers who need somebody today, and what became of them.", ("alert_id",),
        ("alert_id", "INTEGER", "Running number"),
        ("customer_id", "VARCHAR", "Customer; at most one alert of a customer is neither done nor expired"),
        ("status", "VARCHAR", "open, taken, snoozed, done or expired"),
        ("rules", "VARCHAR[]", "Rules that named the customer, the first one first"),
        ("rule_words", "VARCHAR[]", "What each rule found, in words, in the order of the rules"),
        ("reasons", "VARCHAR[]", "Further reasons: of the newest scoring, then the own rhythm"),
        ("next_step", "VARCHAR", "What to do next, in words"),
        ("raised_at", "TIMESTAMP", "When it was raised (UTC)"),
        ("as_of", "TIMESTAMP", "End of what was known when it was raised"),
        ("run_id", "INTEGER", "Score run of risk and reasons; empty when not scored"),
        ("risk", "DOUBLE", "Risk in that run; empty when not scored"),
        ("tier", "VARCHAR", "Tier in that run; empty when not scored"),
        ("stake", "DOUBLE", "Money at stake, in the shop's currency; empty when unknown"),
        ("stake_kind", "VARCHAR", "value_at_risk, spend_365 (spend of the last 365 days), or empty when unknown"),
        ("standing", "DOUBLE", "Share of customers with less at stake of the same kind; empty when unknown"),
        ("last_order_at", "TIMESTAMP", "Last order known when it was raised; empty when there was none"),
        ("owner", "VARCHAR", "Who works on it; empty while nobody does"),
        ("due_at", "TIMESTAMP", "By when somebody should have looked at it (UTC)"),
        ("snoozed_until", "TIMESTAMP", "Until when it was put off (UTC); empty when it was not"),
        ("outcome", "VARCHAR", "How it ended: reached, not_reached, no_need or ordered_again; empty while it has not"),
        ("closed_at", "TIMESTAMP", "When it was done or expired (UTC); empty while it is neither"),
        ("closed_as_of", "TIMESTAMP", "Orders from here on came after it was done; empty while it is not"),
        ("held_back", "VARCHAR", "Why the customer must not be contacted; empty when they may"),
        ("version", "INTEGER", "1 when raised, one more with everything that people did to it"),
        indexed=False,
    ),
    _system(
        "alert_log", "Everything that happened to an alert, in order.", ("entry",),
        ("entry", "BIGINT", "Running number"),
        ("alert_id", "INTEGER", "Alert"),
        ("at", "TIMESTAMP", "When (UTC)"),
        ("action", "VARCHAR", "raised, taken, handed over, snoozed, not reached, done, reopened, undone, "
         "attempt undone, note, expired or held back"),
        ("person", "VARCHAR", "Who did it; empty for what followed from the data"),
        ("owner", "VARCHAR", "Who worked on it from then on; empty when nobody did"),
        ("words", "VARCHAR", "What happened, in words"),
        ("note", "VARCHAR", "What the person wrote; empty when nothing"),
        indexed=False,
    ),
    _system(
        "audit_log", "Every change, in order.", ("entry",),
        ("entry", "BIGINT", "Running number"),
        ("at", "TIMESTAMP", "When (UTC)"),
        ("action", "VARCHAR", "What was done"),
        ("detail", "JSON", "To what"),
        ("person", "VARCHAR", "Who did it: the account on this machine"),
    ),
)  # fmt: skip

TABLES: dict[str, Table] = {table.name: table for table in (*USER_TABLES, *SYSTEM_TABLES)}


def quote(identifier: str) -> str:
    """An identifier as SQL, whatever characters it holds.

    >>> quote('order"; DROP TABLE orders; --')
    '"order""; DROP TABLE orders; --"'
    """
    return '"' + identifier.replace('"', '""') + '"'


def create_statement(table: Table) -> str:
    """The DDL of a table."""
    lines = [f"{quote(column.name)} {column.type}" for column in table.columns]
    if table.indexed:
        lines.append(f"PRIMARY KEY ({', '.join(quote(name) for name in table.key)})")
    return f"CREATE TABLE {quote(table.name)} ({', '.join(lines)})"


def create_script() -> str:
    """The DDL of all tables, a statement each, separated by a semicolon and a line break."""
    return "".join(create_statement(table) + ";\n" for table in TABLES.values())


if __name__ == "__main__":
    print(create_script(), end="")
