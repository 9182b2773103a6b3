"""One word for each kind of event and contact, whatever the shop's systems call them."""

from __future__ import annotations

EVENT_WORDS: dict[str, tuple[str, ...]] = {
    "view": (
        "view",
        "product_view",
        "view_item",
        "viewed",
        "pv",
        "detail",
        "product",
        "view item",
        "product view",
        "浏览",
    ),
    "cart": (
        "cart",
        "add_to_cart",
        "addtocart",
        "add to cart",
        "basket",
        "added_to_cart",
        "add-to-cart",
        "加购",
        "加购物车",
    ),
    "search": ("search", "searched", "query", "site_search", "搜索"),
    "wishlist": ("wishlist", "wish", "fav", "favorite", "favourite", "add_to_wishlist", "收藏"),
    "login": ("login", "log_in", "sign_in", "signin", "登录"),
    "visit": ("visit", "page_view", "pageview", "session", "session_start", "page view", "访问"),
}

CONTACT_WORDS: dict[str, tuple[str, ...]] = {
    "sent": ("sent", "send", "dispatched", "gesendet", "envoyé", "enviado", "发送"),
    "delivered": ("delivered", "delivery", "zugestellt", "送达"),
    "opened": ("opened", "open", "email_open", "geöffnet", "ouvert", "abierto", "打开"),
    "clicked": ("clicked", "click", "email_click", "geklickt", "cliqué", "clic", "点击"),
    "unsubscribed": ("unsubscribed", "unsubscribe", "unsub", "opt_out", "opt-out", "abgemeldet", "désabonné", "退订"),
    "bounced": ("bounced", "bounce", "hard_bounce", "soft_bounce", "退信"),
}


def kind_word_sql(kind: str, text: str) -> str:
    """SQL for the product's word for what happened; words that are not known stay as they are, in lower case."""
    words = {"events": EVENT_WORDS, "contacts": CONTACT_WORDS}.get(kind, {})
    whens = []
    for word, others in words.items():
        listed = ", ".join("'" + other.replace("'", "''") + "'" for other in others)
        whens.append(f"WHEN lower({text}) IN ({listed}) THEN '{word}'")
    return f"CASE {' '.join(whens)} ELSE lower({text}) END" if whens else text
