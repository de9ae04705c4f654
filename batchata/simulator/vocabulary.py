"""What the labels of business documents mean, in English, German and French."""

from __future__ import annotations


def set_of(words: str) -> frozenset[str]:
    return frozenset(words.split())


PHRASES = (
    (r"n[\u00b0\u00ba]|\u2116", "number"),
    ((r"(?:vat|tax|gst) (?:registration |reg )?(?:id|number|no|nr|reg)|(?:ust|umsatzsteuer) id(?: ?nr)?|steuernummer|"
     r"(?:numéro|n) (?:de )?tva(?: intracommunautaire)?|tva intracommunautaire"), "taxid"),
    (r"(?:vat|tax|gst|sales tax|mwst|ust|tva) (?:rate|satz|percentage|percent)|steuersatz|taux (?:de )?(?:la )?tva",
     "taxrate"),
    ((r"(?:item|line|position)s? count|(?:number|count) of (?:the )?(?:line )?(?:items|lines|positions)|"
     r"anzahl (?:der )?positionen|nombre de lignes"), "itemcount"),
    ((r"(?:(?:please )?(?:pay|paid|settle|settled|payable|due|remit) (?:it |this )?(?:by|before|until|on or before|"
     r"no later than|not later than|within)|due on|date due|due date|payment (?:is )?due|payment deadline|"
     r"(?:last|latest) (?:day|date) (?:for|of) payment|no later than|fällig(?:keit|keitsdatum)?(?: am| bis)?|"
     r"zahlbar (?:bis|am)(?: zum)?|zu (?:be)?zahlen bis|zahlungsziel|(?:date d )?échéance|"
     r"(?:à )?(?:payer|régler) (?:avant|au plus tard)(?: le)?|payable (?:le|avant le|au plus tard le)|"
     r"date limite(?: de paiement)?)(?: date)?"), "due date"),
    (r"(?:sold|billed|issued|prepared|supplied|provided) by|bill from|rechnungssteller|émis par", "vendor"),
    ((r"(?:bill|billed|sold|invoice|invoiced|issued|prepared|charged) (?:to|for)|rechnung an|rechnungsempfänger|"
     r"facturé à|on behalf of|account of|kunde"), "customer"),
    ((r"(?:ship|shipped|deliver|delivery|delivered) to|ship to address|(?:delivery|shipping) address|lieferadresse|"
     r"lieferanschrift|adresse de livraison|livré à"), "ship address"),
    ((r"(?:delivery|shipping|service|supply) date|date of (?:the )?(?:delivery|supply|service)|lieferdatum|"
     r"leistungsdatum|date de livraison"), "delivery date"),
    (r"rechnungs ?(?:nummer|nr|no)", "invoice number"),
    (r"rechnungs ?datum|date (?:de )?(?:la )?facture|date de facturation", "invoice date"),
    ((r"(?:date (?:of )?issued?|issued? date|date of (?:the )?(?:issue|invoice)|issued on|ausstellungsdatum|"
     r"ausgestellt am|date d émission|émise? le)"), "date"),
    ((r"gesamt ?betrag|rechnungsbetrag|endbetrag|gesamtsumme|gesamt ?brutto|brutto ?betrag|zahlbetrag|summe brutto|"
     r"(?:zu zahlender|fälliger) betrag|zu zahlen|(?:total|montant) (?:ttc|toutes taxes comprises)|montant total|"
     r"net à payer|total à payer|(?:somme|montant) dûe?"), "total"),
    ((r"(?:amount|total|sum|net|netto|betrag) (?:before|excluding|excl|ex|without|exclusive of) (?:tax|vat|gst)|"
     r"zwischensumme|netto ?(?:betrag|summe)|summe netto|betrag netto|sous total|(?:total|montant) (?:ht|hors taxes?)|"
     r"(?:sub|net) total|goods and services|"
     r"(?:sum|total) of (?:the )?(?:lines|items|positions|goods)|value before (?:tax|vat)|"
     r"total,? (?:tax|vat) excluded|(?:total )?net (?:amount|value|sum)|(?:amount|total|sum) net"), "subtotal"),
    ((r"(?:grand|overall|final|invoice|gross) total|(?:gross|invoice) (?:amount|sum)|total (?:gross|brutto)|"
     r"(?:amount|total|sum) (?:incl|including|inclusive of|with) (?:tax|vat|gst)|"
     r"total (?:invoice|amount|sum|price|cost|payable|due|owed|to pay)|"
     r"(?:total|amount|balance|sum) (?:now )?(?:due|payable|owing|owed|to pay|to be paid)|"
     r"please pay|all in all"), "total"),
    ((r"(?:sales|value added|total) tax|(?:tax|vat|gst) (?:amount|total|value)|mehrwertsteuer|mw st|umsatzsteuer|"
     r"steuerbetrag|montant (?:de la )?tva"), "tax"),
    ((r"(?:purchase )?order (?:number|no|nr|id|ref|reference)|p ?o (?:number|no|nr|ref)|purchase order|your order|"
     r"bestell ?(?:nummer|nr)|(?:numéro|number|n) de commande|bon de commande|po"), "order number"),
    ((r"(?:unit|item) (?:price|cost|rate|amount)|(?:price|cost|rate) (?:per |a )?(?:unit|each|item|piece)|price unit|"
     r"einzel ?preis|stück ?preis|e ?preis|prix unitaire|prix unit|p ?u|prix"), "price"),
    (r"(?:line|row|extended|ext|item) (?:total|amount|price|sum)|gesamtpreis|total ligne|prix total", "linetotal"),
    ((r"(?:contract|agreement|overall|aggregate) (?:value|price|sum|fee)|total (?:contract )?(?:value|price)|"
     r"total fees?|"
     r"fees? total|total remuneration|auftragswert|vertragswert|gesamtwert"), "total value"),
    (r"(?:notice|cancellation) period|period of notice|notice of termination", "notice"),
    (r"e mail(?: address)?|email address|courriel", "email"),
    (r"(?:tele)?phone (?:number|no)|tél(?:éphone)?|telefon", "phone"),
    ((r"govern(?:ed|s|ing)?(?: by)?(?: and construed in accordance with)?(?: the)? laws?|applicable law|"
     r"anwendbares recht|droit applicable"), "governing law"),
    (r"commenc(?:es?|ing|ement)|starts?|starting|begins?|beginning|beginn|effective|takes effect|in force from|début",
     "start"),
    (r"ends?|ending|expir(?:es|y|ation|ing)|terminat(?:es|ion) on|ende|fin", "end"),
)  # fmt: skip
SAME = {
    "vendor": "supplier seller from merchant biller provider issuer company sender lieferant verkäufer absender "
    "anbieter fournisseur vendeur émetteur prestataire",
    "customer": "client buyer purchaser recipient käufer auftraggeber empfänger acheteur destinataire",
    "invoice": "rechnung facture",
    "number": "no nr num id identifier ref reference code nummer numéro",
    "quantity": "qty units pcs pieces count menge anzahl stk stück quantité qté nombre",
    "description": "item product service details article particulars bezeichnung beschreibung artikel leistung "
    "position positionen désignation libellé produit prestation",
    "date": "dated issued datum vom",
    "price": "cost rate preis",
    "amount": "amt sum betrag montant summe",
    "total": "totals gesamt balance gross brutto",
    "tax": "vat gst hst mwst iva ust tva steuer taxe",
    "subtotal": "net netto",
    "discount": "rabatt nachlass remise skonto",
    "currency": "währung devise monnaie",
    "phone": "telephone tel mobile",
    "email": "mail",
    "address": "addr anschrift adresse",
    "order": "bestellung auftrag commande",
    "contract": "agreement vertrag contrat",
    "category": "classification class",
    "reason": "rationale explanation justification why",
    "name": "nom",
    "remark": "note bemerkung remarque comment",
    "purpose": "milestone stage instalment installment zweck",
    "due": "fällig payable",
    "cap": "limit limited capped maximum ceiling exceed",
    "notice": "kündigungsfrist préavis",
    "city": "town ort ville seat",
    "site": "location place premises branch standort lieu",
    "signed": "signature signatory",
}
STOP = set_of(
    "the of a an in for your our and or to is as on at by with this that s de du des der die das den la le les und et "
    "am l d be are will shall"
)
LIGHT = frozenset({"invoice", "receipt", "bill", "document", "contract", "name", "amount", "value", "text", "full"})
PARTIES = frozenset({"vendor", "customer", "ship"})
CODES = "USD|EUR|GBP|CHF|JPY|CAD|AUD|SEK|NOK|DKK|PLN|CZK|INR|CNY|ILS|BRL|MXN|ZAR"
SIGNS = {"$": "USD", "\u20ac": "EUR", "\u00a3": "GBP", "\u00a5": "JPY"}
MONEY_NAMES = {
    "us dollar": "USD", "dollar": "USD", "euro": "EUR", "pound": "GBP", "sterling": "GBP", "swiss franc": "CHF",
    "franc": "CHF", "franken": "CHF", "yen": "JPY",
}  # fmt: skip
OTHER_STEMS = {
    "automa": ("itself", "without further notice", "tacit", "unless"),
    "renew": ("extend", "prolong", "verlänger"),
    "cred": ("gutschrift", "avoir"),
    "note": ("memo", "gutschrift", "avoir"),
}
LEGAL_FORMS = (
    r"Ltd|Limited|Inc|Incorporated|Corp|Corporation|Co|Company|LLC|LLP|LP|PLC|plc|GmbH|AG|KG|KGaA|OHG|UG|e\.?K|eG|"
    r"SE|SA|S\.A|SAS|SARL|Sàrl|S\.à\.r\.l|SRL|S\.r\.l|S\.p\.A|SpA|B\.?V|N\.?V|Oy|AB|A/S|ApS|AS|Pty|"
    r"Sp\. z o\.o|s\.r\.o"
)
NEGATIONS = set_of("not no without never nicht kein keine ohne pas sans non neither nor")
