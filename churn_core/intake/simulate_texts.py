"""What simulated customers write: reviews and tickets in English and Chinese, with the rating that goes with it.

Texts are put together from our own phrases; which phrases depends on what happened to the order, so the words
carry the truth that drives leaving.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from churn_core.intake.simulate_basket import Baskets, coded, customer_column, numbered, times
from churn_core.intake.simulate_behaviour import Orders
from churn_core.intake.simulate_customers import Traits
from churn_core.intake.simulate_world import (
    N_PRODUCTS_PER_CATEGORY,
    SECONDS_PER_DAY,
    Calendar,
    Flags,
    Ints,
    product_ids,
    product_names,
)

# language -> mood -> places in the sentence -> phrases; {thing} is the article's name
REVIEWS: dict[str, dict[str, tuple[tuple[str, ...], ...]]] = {
    "en": {
        "good": (
            ("Really happy with the {thing}.", "The {thing} is lovely.", "Just what I was looking for: the {thing}.",
             "My second {thing} from here and again great.", "Bought the {thing} as a gift and it went down well.",
             "The {thing} looks even better than in the picture."),
            ("Well packed and quick.", "It arrived two days early.", "Good quality for the price.",
             "Delivery was fast.", "The colour is exactly as shown.", "Easy to order, easy to pay.",
             "Customer service answered within the hour."),
            ("Will order again.", "Thank you!", "I have told my friends.", "Five stars from me.",
             "Keep it up.", "My new favourite shop.", ""),
        ),
        "mixed": (
            ("The {thing} is fine.", "Decent {thing}, nothing special.", "I like the {thing}, mostly.",
             "The {thing} does its job."),
            ("Delivery took a little long.", "A bit smaller than I thought.", "The box was dented but all was well.",
             "Price went up since last time.", "The instructions could be clearer."),
            ("Not sure I would buy it again.", "Good enough.", "Could be better.",
             "Let us see how long it lasts.", ""),
        ),
        "late": (
            ("Waited far too long for the {thing}.", "The {thing} came a week late.",
             "Promised in three days, the {thing} took two weeks.", "The {thing} missed the birthday it was for."),
            ("Nobody told me about the delay.", "Tracking never changed.", "The parcel sat in a depot for days.",
             "I had to ask three times where it was."),
            ("Disappointing.", "I will think twice next time.", "Not good enough.", "I expected better.", ""),
        ),
        "faulty": (
            ("The {thing} arrived broken.", "My {thing} stopped working after a day.",
             "Wrong colour of {thing} sent.",
             "The {thing} had a crack and parts were missing.", "Poor quality: the {thing} fell apart."),
            ("Getting my money back was hard work.", "It is nothing like the picture.",
             "I had to send it back at my own cost.", "Clearly nobody checked it before packing."),
            ("Very disappointed.", "Avoid.", "I want a refund.", "Last time I order here.", ""),
        ),
    },
    "zh": {
        "good": (
            ("{thing}收到了，非常满意。", "{thing}质量很好，", "这个{thing}比图片还好看，",
             "第二次买{thing}了，一如既往地好，",
             "{thing}送朋友的，她很喜欢，", "一直想要的{thing}终于到了，"),
            ("物流很快，", "包装很用心，", "客服态度特别好，", "价格也实惠，", "颜色和描述一致，", "做工精细，"),
            ("下次还会来。", "推荐购买！", "五星好评。", "全家都喜欢。", "会继续支持。", "值得回购。"),
        ),
        "mixed": (
            ("{thing}还可以，", "{thing}一般般，", "{thing}基本满意，", "{thing}能用，"),
            ("就是送货有点慢，", "比想象中小一点，", "包装有点压坏，", "价格比上次贵，", "说明书不太清楚，"),
            ("总体过得去。", "先用用看。", "有改进空间。", "勉强三星吧。"),
        ),
        "late": (
            ("{thing}等了快两个星期，", "{thing}晚到了一周，", "说好三天到的{thing}一直没来，",
             "{thing}错过了生日，"),
            ("没有人通知我延误，", "物流信息一直不更新，", "催了好几次才发货，", "包裹在仓库放了很多天，"),
            ("太失望了。", "下次不敢买了。", "服务需要改进。", "体验很差。"),
        ),
        "faulty": (
            ("{thing}收到就是坏的，", "{thing}用了一天就坏了，", "发错了{thing}的颜色，",
             "{thing}有裂缝还缺零件，", "{thing}质量太差，"),
            ("退款非常麻烦，", "和图片完全不一样，", "退货还要自己出运费，", "发货前肯定没检查，"),
            ("很失望。", "不推荐。", "要求退款。", "再也不来了。"),
        ),
    },
}  # fmt: skip

TICKETS: dict[str, dict[str, tuple[tuple[str, ...], ...]]] = {
    "en": {
        "delivery": (
            ("Where is my parcel with the {thing}?", "My order with the {thing} has not arrived.",
             "The {thing} should have been here days ago.", "Tracking for the {thing} has not moved."),
            ("Please check with the carrier.", "I need it this week.", "Can you tell me when it will come?",
             "This is the second time.", ""),
        ),
        "fault": (
            ("The {thing} is broken.", "A part of the {thing} is missing.", "I received the wrong {thing}.",
             "The {thing} does not work."),
            ("Please send a replacement.", "I would like my money back.", "A photo is attached.", "What now?", ""),
        ),
        "question": (
            ("How do I clean the {thing}?", "I cannot log in to my account.",
             "Could I have an invoice for the {thing}?",
             "Can I change the address of my order?", "Is the {thing} available in another size?"),
            ("Thank you.", "Best wishes.", "No hurry.", ""),
        ),
    },
    "zh": {
        "delivery": (
            ("我的{thing}还没有收到。", "{thing}的物流一直没有更新。", "{thing}什么时候能到？",
             "{thing}应该几天前就到了。"),
            ("请帮忙查一下。", "这周急用。", "已经是第二次了。", "麻烦尽快回复。"),
        ),
        "fault": (
            ("{thing}坏了。", "{thing}少了零件。", "{thing}发错了。", "{thing}不能用。"),
            ("请换一个。", "我要退款。", "照片已附上。", "怎么处理？"),
        ),
        "question": (
            ("{thing}怎么清洗？", "账号登录不了。", "{thing}可以开发票吗？", "可以修改收货地址吗？",
             "{thing}有别的尺寸吗？"),
            ("谢谢。", "不着急。", "麻烦了。"),
        ),
    },
}  # fmt: skip

# what the articles of each category are called in Chinese texts, by number modulo four
_CHINESE_THINGS: tuple[tuple[str, str, str, str], ...] = (
    ("台灯", "抱枕", "烛台", "毯子"), ("碗", "茶壶", "砧板", "储物罐"), ("围巾", "外套", "运动鞋", "包"),
    ("香皂", "护手霜", "浴盐", "刷子"), ("拼图", "风筝", "积木", "玩偶"), ("花盆", "水壶", "鸟屋", "种子盒"),
    ("音箱", "充电器", "小夜灯", "闹钟"), ("笔记本", "笔袋", "日历", "贺卡"),
)  # fmt: skip

_MOODS = ("good", "mixed", "late", "faulty")
_TOPICS = ("question", "delivery", "fault")


def write_texts(
    grammar: dict[str, dict[str, tuple[tuple[str, ...], ...]]],
    kinds: list[str],
    is_chinese: Flags,
    things: list[str],
    rng: np.random.Generator,
) -> list[str]:
    """One text per row, of a kind of the grammar, about a thing."""
    picks = rng.random((len(kinds), 3))
    texts = []
    for kind, chinese, thing, pick in zip(kinds, is_chinese, things, picks, strict=True):
        parts = grammar["zh" if chinese else "en"][kind]
        chosen = [options[int(share * len(options))] for options, share in zip(parts, pick, strict=False)]
        texts.append(("" if chinese else " ").join(chosen).strip().replace("{thing}", thing))
    return texts


def feedback_table(
    orders: Orders, baskets: Baskets, traits: Traits, calendar: Calendar, first_number: int, rng: np.random.Generator
) -> pa.Table:
    """The table ``feedback``: a review of some orders, more often of bad ones."""
    n = orders.customer.size
    is_bad = orders.is_late | orders.is_faulty
    was_ignored = orders.has_ticket & (orders.answer_hours > 48)
    writes = rng.random(n) < traits.critical[orders.customer] + 0.12 * is_bad
    score = 4.75 - 1.7 * orders.is_late - 2.3 * orders.is_faulty - 0.7 * was_ignored + rng.normal(0, 0.6, n)
    delay = (rng.uniform(2.5, 14.0, n) * SECONDS_PER_DAY).astype(np.int64)
    chosen = np.flatnonzero(writes & (orders.seconds + delay < calendar.n_days * SECONDS_PER_DAY))
    rating = np.clip(np.round(score[chosen]), 1, 5)
    mood = np.select([orders.is_faulty[chosen], orders.is_late[chosen], rating <= 3], [3, 2, 1], 0)
    product = baskets.product[baskets.first_line[chosen]]
    customer = orders.customer[chosen]
    is_chinese = traits.speaks_chinese[customer]
    return pa.table(
        {
            "customer_id": customer_column(traits, customer),
            "feedback_id": numbered("F-", first_number, chosen.size),
            "feedback_time": times(calendar, orders.seconds[chosen] + delay[chosen]),
            "rating": rating,
            "text": write_texts(
                REVIEWS, [_MOODS[index] for index in mood], is_chinese, _named(product, is_chinese), rng
            ),
            "language": coded(("en", "zh"), is_chinese.astype(np.int64)),
            "product_id": coded(product_ids(), product),
        }
    )


def ticket_table(
    orders: Orders, baskets: Baskets, traits: Traits, calendar: Calendar, first_number: int, rng: np.random.Generator
) -> pa.Table:
    """The table ``tickets``; what was not answered by the end of the history is still open."""
    n = orders.customer.size
    end = calendar.n_days * SECONDS_PER_DAY
    opened = orders.seconds + (rng.uniform(0.5, 6.0, n) * SECONDS_PER_DAY).astype(np.int64)
    chosen = np.flatnonzero(orders.has_ticket & (opened < end))
    opened = opened[chosen]
    hours = orders.answer_hours[chosen]
    replied = opened + (hours * 3600).astype(np.int64)
    resolved = replied + (rng.exponential(20.0, chosen.size) * 3600).astype(np.int64) + 300
    mood = 4.6 - 0.9 * np.log1p(hours / 24) - 0.8 * orders.is_faulty[chosen] + rng.normal(0, 0.6, chosen.size)
    is_rated = (rng.random(chosen.size) < 0.45) & (resolved < end)
    topic = np.select([orders.is_faulty[chosen], orders.is_late[chosen]], [2, 1], 0)
    customer = orders.customer[chosen]
    is_chinese = traits.speaks_chinese[customer]
    things = _named(baskets.product[baskets.first_line[chosen]], is_chinese)
    return pa.table(
        {
            "customer_id": customer_column(traits, customer),
            "ticket_id": numbered("T-", first_number, chosen.size),
            "opened_at": times(calendar, opened),
            "first_reply_at": _times_before(calendar, replied, end),
            "resolved_at": _times_before(calendar, resolved, end),
            "topic": coded(_TOPICS, topic),
            "satisfaction": pa.array(np.clip(np.round(mood), 1, 5), mask=~is_rated),
            "text": write_texts(TICKETS, [_TOPICS[index] for index in topic], is_chinese, things, rng),
        }
    )


def _named(product: Ints, is_chinese: Flags) -> list[str]:
    names = product_names()
    return [
        _CHINESE_THINGS[index // N_PRODUCTS_PER_CATEGORY][index % 4] if chinese else names[index]
        for index, chinese in zip(product, is_chinese, strict=True)
    ]


def _times_before(calendar: Calendar, seconds: Ints, end: int) -> pa.Array:
    return pa.array(calendar.microseconds(seconds), pa.timestamp("us"), mask=seconds >= end)
