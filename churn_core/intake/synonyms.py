"""The words by which headers are recognised: English, German, French, Spanish and Chinese names of each field.

Headers are compared after lower-casing and removing accents, spaces and punctuation (``Customer ID``,
``customer_id`` and ``CustomerID`` are one word).
"""

from __future__ import annotations

import re
import unicodedata

_CUSTOMER = """customer_id customer customerid cust_id custid custno customer_no customer_number customernumber
 client_id clientid client client_no user_id userid user uid member_id memberid member account_id accountid
 account_number account shopper_id buyer_id buyer visitor_id person_id contact_key subscriber_id clientnum
 kunden_id kundennummer kundennr kunden_nr kunde kundenid id_client numero_client no_client client_code
 code_client id_cliente cliente cliente_id numero_cliente codigo_cliente 客户id 客户编号 客户 顾客id 顾客编号
 customer_unique_id unique_customer_id 会员卡号 卡号 会员名 买家昵称
 用户id 用户编号 用户 会员id 会员编号 会员号 会员 买家id 买家"""
_ORDER = """order_id orderid order_no order_number ordernumber order invoice invoice_no invoiceno invoice_id
 invoice_number transaction_id transactionid transaction_no transaction receipt receipt_id receipt_no basket_id
 purchase_id sale_id bill_no document_no bestellnummer bestellnr bestell_nr bestellung bestell_id auftragsnummer
 auftrag rechnungsnummer rechnungsnr rechnung belegnummer commande numero_commande no_commande id_commande
 facture numero_facture pedido id_pedido numero_pedido factura numero_factura belegnr beleg_nr rechnungs_nr
 auftragsnr auftrags_nr vorgangsnr 订单号 订单id 订单编号 发票号 单号 交易号 小票号 流水号 交易流水号"""
_ORDER_TIME = """order_time order_date orderdate ordered_at order_timestamp order_datetime
 order_purchase_timestamp date time datetime timestamp invoice_date invoicedate purchase_date purchased_at
 purchase_time transaction_date transaction_time created_at createdat created sale_date sold_at paid_at day
 bestelldatum bestellzeit bestellt_am rechnungsdatum datum kaufdatum auftragsdatum belegdatum date_commande
 date_achat date_facture fecha fecha_pedido fecha_compra fecha_factura 下单时间 订单时间 订单日期 下单日期
 购买时间 购买日期 交易时间 日期 时间 付款时间 消费日期 消费时间 支付时间 成交时间 创建时间"""
_AMOUNT = """amount total total_amount order_total order_amount order_value total_price totalprice revenue sales
 sale_amount value price_total grand_total net_amount gross_amount paid paid_amount payment payment_value spend
 sum turnover subtotal betrag summe gesamt gesamtbetrag gesamtpreis umsatz bestellwert rechnungsbetrag warenwert
 montant total_ttc montant_total prix_total ca chiffre_affaires importe importe_total monto monto_total
 total_pedido venta 金额 总金额 订单金额 实付金额 总价 消费金额 付款金额
 amount_total total_incl_tax total_incl_vat brutto bruttobetrag bruttoumsatz umsatz_brutto gesamt_brutto
 实付 实付款 支付金额 实际支付金额
 成交金额 交易金额 销售额"""
_QUANTITY = """lineitem_quantity quantity qty units pieces count_items menge anzahl stueck stueckzahl stuck
 stuckzahl quantite qte nombre cantidad unidades 数量 件数 购买数量"""
_PRODUCT = """lineitem_sku product_id productid product_code sku stockcode stock_code item_id itemid item_no
 article_id article_no article asin ean gtin product_no artikelnummer artikelnr artikel_nr artikel_id
 ref_produit reference id_produit code_produit articulo id_producto codigo_producto 商品id 商品编号 产品id
 产品编号 货号"""
_CATEGORY = """category product_category category_name categoryname department product_group productgroup
 product_type product_line kategorie warengruppe produktgruppe categorie rayon categoria 类别 分类 品类 商品类别
 商品分类 cat"""
_DISCOUNT = """discount discount_amount discounts voucher_amount coupon_amount rebate reduction rabatt
 rabattbetrag nachlass remise descuento 折扣 优惠金额 折扣金额"""
_CHANNEL = """channel source sales_channel order_channel platform store medium kanal vertriebskanal canal 渠道 来源 平台
 门店 店铺"""
_CURRENCY = """currency currency_code currencycode waehrung wahrung devise moneda 币种 货币"""
_COUNTRY = """country country_code shipping_country billing_country country_name land pays pais 国家"""
_CITY = """city town shipping_city billing_city stadt ort wohnort ville ciudad 城市"""
_NAME = """surname last_name lastname nachname apellido name customer_name full_name fullname client_name
 kundenname vollname nom nombre_completo nombre_cliente 姓名 客户姓名 客户名称"""
_EMAIL = (
    """email e_mail email_address mail emailaddress customer_email correo correo_electronico courriel 邮箱 电子邮件"""
)
_TEXT = """text review review_text reviewtext review_body comment comments review_comment feedback message body
 content description opinion verbatim answer bewertungstext kommentar rezension nachricht commentaire avis
 comentario resena 评论 评价内容 内容 评论内容 评价 留言"""

SYNONYMS: dict[str, str] = {
    "customer_id": _CUSTOMER,
    "order_id": _ORDER,
    "order_time": _ORDER_TIME,
    "amount": _AMOUNT,
    "n_items": "n_items items item_count items_count num_items number_of_items n_articles total_items " + _QUANTITY,
    "discount_amount": _DISCOUNT,
    "channel": _CHANNEL,
    "currency": _CURRENCY,
    "product_id": _PRODUCT,
    "product_name": """lineitem_name product_name productname product description item_name item product_title
        title artikelname artikelbezeichnung artikel bezeichnung produkt produktname produit nom_produit libelle
        designation producto nombre_producto descripcion 商品名称 产品名称 商品 产品 宝贝标题 商品标题""",
    "category": _CATEGORY,
    "quantity": _QUANTITY,
    "unit_price": """lineitem_price item_cost unit_price unitprice price item_price price_each price_per_unit
        selling_price einzelpreis stueckpreis stuckpreis preis prix prix_unitaire precio precio_unitario 单价
        价格""",
    "customer_name": _NAME,
    "customer_email": _EMAIL,
    "customer_country": _COUNTRY,
    "customer_city": _CITY,
    "return_id": """return_id returnid return_no return_number credit_note credit_note_no refund_id
        cancellation_id rma retoure retourennummer gutschrift gutschriftnummer avoir id_retour devolucion
        id_devolucion 退货单号 退款单号 退货id""",
    "return_time": """return_time return_date returned_at returndate refund_date refund_time refunded_at
        cancelled_at cancellation_date canceled_at retourdatum ruckgabedatum rueckgabedatum date_retour
        fecha_devolucion 退货时间 退款时间 退货日期 date time datetime timestamp created_at datum fecha 日期
        时间""",
    "event_id": "event_id eventid hit_id log_id 事件id",
    "event_time": """event_time event_date event_timestamp timestamp time datetime date occurred_at viewed_at
        visit_time visited_at ts created_at server_time zeitpunkt zeit datum horodatage fecha hora 事件时间
        访问时间 时间 日期 浏览时间""",
    "kind": """kind event event_type eventtype event_name eventname action activity activity_type type behavior
        behavior_type interaction ereignis ereignistyp aktion evenement accion evento 事件 事件类型 行为
        行为类型 status email_status""",
    "session_id": "session_id sessionid session visit_id user_session sitzung sitzungs_id sesion 会话id",
    "feedback_id": "feedback_id review_id reviewid answer_id response_id comment_id bewertung_id id_avis 评论id",
    "feedback_time": """feedback_time review_date review_time reviewed_at review_creation_date answered_at
        submitted_at comment_date date time datetime timestamp created_at bewertungsdatum datum date_avis fecha
        fecha_resena 评论时间 评价时间 日期 时间""",
    "rating": """rating stars star_rating score review_score overall nps csat sterne bewertung note etoiles
        puntuacion calificacion estrellas 评分 星级 打分""",
    "text": _TEXT,
    "language": "language lang locale sprache langue idioma 语言",
    "ticket_id": """ticket_id ticketid ticket case_id case_number case_no request_id issue_id complaint_id
        incident_id vorgang vorgangsnummer ticketnummer 工单号 工单id 工单编号""",
    "opened_at": """opened_at open_time open_date opened created_at created created_time creation_date
        request_date complaint_date date_received received_at ticket_date eroffnet eroffnet_am erstellt_am
        date_ouverture fecha_apertura date time datetime timestamp 创建时间 提交时间 投诉时间""",
    "first_reply_at": """first_reply_at first_response_at first_response_time first_reply replied_at answered_at
        responded_at erste_antwort premiere_reponse primera_respuesta 首次回复时间 回复时间""",
    "resolved_at": """resolved_at resolved closed_at closed close_date closed_date resolution_date solved_at
        geloest_am gelost_am geschlossen_am date_cloture fecha_cierre 解决时间 关闭时间""",
    "topic": """topic subject issue issue_type ticket_subject reason category type complaint_type ticket_type
        betreff thema anliegen sujet objet asunto tema motivo 主题 问题类型 投诉类型""",
    "satisfaction": """satisfaction csat satisfaction_rating satisfaction_score customer_satisfaction_rating
        rating zufriedenheit satisfaccion 满意度""",
    "contact_id": "contact_id message_id send_id delivery_id mail_id 消息id",
    "contact_time": """contact_time sent_at send_time send_date sent_date sent_time contact_date contacted_at
        delivered_at opened_at clicked_at timestamp time datetime date event_time versanddatum gesendet_am datum
        date_envoi fecha_envio fecha 发送时间 联系时间 日期 时间""",
    "campaign": """campaign campaign_id campaign_name newsletter mailing subject kampagne campagne campana 活动
        营销活动 活动名称""",
    "name": _NAME,
    "email": _EMAIL,
    "phone": """phone phone_number telephone mobile mobile_phone tel telefon telefonnummer handy telefono
        telephone_number 电话 手机号 手机""",
    "country": _COUNTRY,
    "city": _CITY,
    "signup_time": """signup_time signup_date signup registration_date registered_at register_date registered
        joined_at join_date date_joined member_since customer_since created_at account_created creation_date
        start_date first_seen anmeldedatum registriert_am kunde_seit date_inscription fecha_alta fecha_registro
        注册时间 注册日期 加入时间""",
    "email_consent": """email_consent consent newsletter opt_in optin email_opt_in marketing_consent
        accepts_marketing accepts_email_marketing newsletter_opt_in subscribed einwilligung werbeeinwilligung
        consentement consentimiento 订阅 同意营销""",
    "churned": """churned churn churn_flag churnflag churn_label churn_value is_churn is_churned has_churned
        churn_status customer_status attrition attrition_flag attrited exited left lost leaver target_churn
        churn_yes_no status abgewandert abwanderung gekundigt kuendigung gekuendigt gekundigt_am desabonnement
        resilie resiliation parti attrition_client abandono baja cancelado fuga 流失 是否流失 流失标签 客户流失
        retained is_retained active is_active is_active_customer label target y""",
    "value_amount": """value_amount monthly_charges monthlycharges monthly_charge monthly_fee monthly_revenue
        mrr arpu customer_value annual_revenue annual_value clv ltv cltv lifetime_value monatsbeitrag
        monatliche_kosten revenu_mensuel ingreso_mensual cuota_mensual 月费 月消费 客户价值""",
}

GENERIC = frozenset((
    "label", "target", "y", "status", "type", "category", "date", "time", "name", "text", "value", "sum", "total",
    "id", "day", "title", "item", "source", "store", "note", "number", "event", "user", "member", "account",
    "client", "customer", "order", "price", "left", "lost", "open", "closed", "action", "body", "content",
    "message", "answer", "active", "is_active", "is_active_customer", "retained", "is_retained", "description",
    "reason", "subject", "cat", "newsletter", "surname", "last_name", "lastname", "nachname", "apellido",
))  # fmt: skip
"""Names that fit but say little."""

SAYS_STAYED = frozenset(
    word.replace("_", "") for word in ("retained", "is_retained", "active", "is_active", "is_active_customer", "stayed")
)
"""Label columns in which yes means that the customer stayed."""


def plain(header: str) -> str:
    """A header reduced to its letters and digits, to be compared.

    >>> plain("Customer ID"), plain("Währung"), plain("订单 号")
    ('customerid', 'wahrung', '订单号')
    """
    decomposed = unicodedata.normalize("NFKD", header.casefold())
    kept = "".join(char for char in decomposed if not unicodedata.combining(char))
    return re.sub(r"[\W_]+", "", kept)


def tokens(header: str) -> list[str]:
    """The words of a header: ``InvoiceDate`` and ``invoice_date`` are invoice, date.

    >>> tokens("customerUniqueID (shop)")
    ['customer', 'unique', 'id', 'shop']
    """
    spaced = re.sub(r"([a-z\d])([A-Z])", r"\1 \2", header)
    spaced = re.sub(r"([A-Z]+)([A-Z][a-z])", r"\1 \2", spaced)
    return [word for word in re.split(r"[\W_]+", spaced.casefold()) if word]


WORDS: dict[str, dict[str, bool]] = {
    field: {plain(word): word in GENERIC for word in words.split()} for field, words in SYNONYMS.items()
}
"""Plain names of each field, each with whether it is generic."""
