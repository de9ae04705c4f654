"""Labels as sets of words: `Invoice No.` and `invoice_number` become the same."""

from __future__ import annotations

import re
from functools import lru_cache

PHRASES = (
    (r"(?:vat|tax|gst) (?:registration |reg )?(?:id|number|no|nr|reg)", "taxid"),
    (r"(?:payment due|pay by|payable by|due by|due on|due date|date due|payment deadline)(?: date)?", "due date"),
    (r"(?:sold|billed|issued|prepared|supplied|provided) by|bill from", "vendor"),
    (r"(?:bill|billed|sold|invoice|invoiced|prepared) (?:to|for)", "customer"),
    (r"(?:ship|shipped|deliver|delivery) to|ship to address|delivery address", "ship address"),
    (r"(?:date (?:of )?issued?|issued? date|date of (?:the )?(?:issue|invoice)|issued on)", "date"),
    (r"(?:grand|overall|final|invoice) total|total (?:invoice|amount|sum|price|cost|payable|due|owed|to pay)", "total"),
    (r"(?:total|amount|balance) (?:due|payable|owing|owed|to pay)|total due", "total"),
    (r"(?:sub|net) total|(?:total )?net amount|total net", "subtotal"),
    (r"(?:amount|total) (?:before|excluding|excl) (?:tax|vat)", "subtotal"),
    (r"(?:sales|value added|total) tax|(?:tax|vat|gst) (?:amount|total|value)", "tax"),
    (r"(?:purchase )?order (?:number|no|nr|id)|p ?o (?:number|no|nr)|purchase order", "order number"),
    (r"(?:unit|item) (?:price|cost|rate|amount)|price (?:per unit|each|per item)|price unit", "price"),
    (r"(?:line|row|extended|ext) (?:total|amount|price|sum)", "linetotal"),
    (r"e mail(?: address)?|email address", "email"),
    (r"(?:tele)?phone (?:number|no)", "phone"),
)  # fmt: skip
PATTERNS = tuple((re.compile(rf"\b(?:{pattern})\b"), word) for pattern, word in PHRASES)
SAME = {
    "vendor": "supplier seller from merchant biller provider issuer company",
    "customer": "client buyer purchaser recipient",
    "number": "no nr num id identifier ref reference code",
    "quantity": "qty units pcs pieces count",
    "description": "item product service details article particulars",
    "date": "dated issued",
    "price": "cost rate",
    "amount": "amt sum",
    "total": "totals",
    "tax": "vat gst hst mwst iva",
    "subtotal": "net",
    "phone": "telephone tel mobile",
    "email": "mail",
    "address": "addr addresses",
    "category": "classification class",
    "reason": "rationale explanation justification why",
}
SYNONYMS = {other: word for word, others in SAME.items() for other in others.split()}
STOP = frozenset(
    {"the", "of", "a", "an", "in", "for", "your", "our", "and", "or", "to", "is", "as", "on", "at", "by", "with"}
) | {"this", "that", "s"}
LIGHT = frozenset({"invoice", "receipt", "bill", "document", "contract", "name", "amount", "value", "text", "full"})
PARTIES = frozenset({"vendor", "customer", "ship"})
CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
NOT_WORD = re.compile(r"[^\w%]+|_")


@lru_cache(maxsize=65_536)
def canonical(text: str) -> tuple[str, ...]:
    """The words of a label or a field name in one spelling, stop words left out."""
    spaced = CAMEL.sub(" ", text).lower().replace("#", " number ")
    plain = " ".join(NOT_WORD.sub(" ", spaced).split())
    for pattern, word in PATTERNS:
        plain = pattern.sub(word, plain)
    words = (SYNONYMS.get(word, word) for word in plain.split() if word not in STOP)
    return tuple(dict.fromkeys(_singular(word) for word in words))


def _singular(word: str) -> str:
    if len(word) > 3 and word.endswith("s") and not word.endswith(("ss", "us", "is")):
        return SYNONYMS.get(word[:-1], word[:-1])
    return word


def weight(words: frozenset[str]) -> frozenset[str]:
    """The words that decide; those that many labels carry count only when there is nothing else."""
    return words - LIGHT or words


def likeness(field: frozenset[str], label: frozenset[str]) -> float:
    """From 0 (another thing) to 1 (the same words)."""
    if field == label:
        return 1.0
    common = len(field & label)
    if not common:
        return 0.0
    shared = common / len(field | label)
    if weight(field) == weight(label):
        return 0.8 + 0.1 * shared
    return 0.7 * shared if shared > 0.5 else 0.0
