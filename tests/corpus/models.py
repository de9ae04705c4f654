"""The Pydantic models of the corpus: flat invoices, nested invoices, contracts; some with aliases."""

from datetime import date
from decimal import Decimal
from enum import Enum
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel


class Status(Enum):
    PAID = "paid"
    OPEN = "open"
    PART_PAID = "part paid"


class Method(Enum):
    TRANSFER = "bank transfer"
    CARD = "card"
    CHEQUE = "cheque"


class FlatInvoice(BaseModel):
    invoice_number: str
    seller: str
    buyer: str
    invoice_date: date
    due_date: date
    currency: Literal["USD", "EUR", "CHF", "GBP"]
    item_count: int
    subtotal: float
    tax_rate: float
    tax: float
    total: float
    status: Status
    is_credit_note: bool
    purchase_order: str | None = None
    sites: list[str] = []


class AliasInvoice(BaseModel):
    """Fewer fields, money as Decimal, and names the document world uses as aliases."""

    model_config = ConfigDict(validate_by_name=True, validate_by_alias=True)

    seller: str = Field(alias="companyName")
    number: str = Field(alias="invoiceNo")
    issued: date = Field(alias="dateOfIssue")
    due: date | None = Field(default=None, alias="payBy")
    currency: str
    net: Decimal = Field(alias="netAmount")
    tax: Decimal = Field(alias="vat")
    total: Decimal = Field(alias="grossAmount")
    discount: Decimal | None = None
    method: Method
    payment_url: str | None = Field(default=None, alias="paymentURL")
    reverse_charge: bool = Field(alias="reverseCharge")
    remarks: list[str] = []


class Party(BaseModel):
    name: str
    address: str | None = None
    vat_id: str | None = None


class Line(BaseModel):
    description: str
    quantity: int
    unit_price: float
    amount: float


class Invoice(BaseModel):
    number: str
    vendor: Party
    customer: Party
    invoice_date: date
    due_date: date
    currency: Literal["USD", "EUR", "CHF", "GBP"]
    lines: list[Line]
    subtotal: float
    tax: float
    total: float
    credit_note: bool
    contact_url: str | None = None


class AliasLine(BaseModel):
    model_config = ConfigDict(validate_by_name=True, validate_by_alias=True)

    description: str = Field(alias="itemText")
    quantity: int = Field(alias="qty")
    unit_price: Decimal = Field(alias="pricePerUnit")
    amount: Decimal = Field(alias="lineTotal")


class AliasNestedInvoice(BaseModel):
    model_config = ConfigDict(validate_by_name=True, validate_by_alias=True)

    vendor: Party = Field(alias="supplier")
    customer: Party = Field(alias="client")
    number: str = Field(alias="invoiceNumber")
    invoice_date: date = Field(alias="issueDate")
    due_date: date = Field(alias="dueDate")
    currency: str
    lines: list[AliasLine] = Field(alias="lineItems")
    subtotal: Decimal
    tax: Decimal
    total: Decimal = Field(alias="grandTotal")
    credit_note: bool = Field(alias="isCreditNote")
    contact_url: str | None = None


class Role(Enum):
    CLIENT = "client"
    SUPPLIER = "supplier"
    GUARANTOR = "guarantor"


class ContractParty(BaseModel):
    name: str
    role: Role
    city: str | None = None


class Terms(BaseModel):
    start: date
    end: date | None = None
    notice_days: int
    automatic_renewal: bool
    liability_cap: Decimal | None = None


class Payment(BaseModel):
    purpose: str
    amount: Decimal
    due: date


class Signature(BaseModel):
    name: str
    signed_on: date


class Guarantee(BaseModel):
    bank: str
    amount: Decimal


class Contract(BaseModel):
    title: str
    contract_number: str
    parties: list[ContractParty]
    terms: Terms
    currency: Literal["USD", "EUR", "CHF", "GBP"]
    payments: list[Payment]
    total_value: Decimal
    governing_law: str
    guarantee: Guarantee | None = None
    signatures: list[Signature]


class CamelTerms(Terms):
    model_config = ConfigDict(alias_generator=to_camel, validate_by_name=True, validate_by_alias=True)


class CamelContract(BaseModel):
    """The same contract for a schema in camel case, as a JavaScript team would ask for it."""

    model_config = ConfigDict(alias_generator=to_camel, validate_by_name=True, validate_by_alias=True)

    contract_number: str
    title: str
    parties: list[ContractParty]
    terms: CamelTerms
    currency: str
    payments: list[Payment] = Field(alias="paymentSchedule")
    total_value: Decimal
    guarantee: Guarantee | None = None
    signatures: list[Signature]
    governing_law: str
